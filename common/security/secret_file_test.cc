// SPDX-License-Identifier: Apache-2.0
#include "common/security/secret_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace cohort::security {
namespace {

using ::cohort::common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class SecretFileTest : public ::testing::Test {
 protected:
  void Write(const std::string& content, mode_t mode) {
    ASSERT_OK(common::WriteFileAtomically(path_, content));
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }

  common::TempDir folder_;
  const std::string path_ = folder_.Join("secret");
};

TEST_F(SecretFileTest, OwnerAndGroupMayReadIt) {
  for (const mode_t mode : {0400, 0600, 0440, 0640}) {
    Write("hush", mode);
    ASSERT_OK_AND_ASSIGN(const SecretFile file, ReadSecretFile(path_));
    EXPECT_EQ(file.content, "hush");
  }
}

TEST_F(SecretFileTest, AFileThatOthersMayReadOrWriteIsRefusedByName) {
  for (const mode_t mode : {0644, 0604, 0602, 0666}) {
    Write("hush", mode);
    EXPECT_THAT(ReadSecretFile(path_), StatusIs(absl::StatusCode::kPermissionDenied,
                                                AllOf(HasSubstr(path_), HasSubstr("chmod"), Not(HasSubstr("hush")))));
  }
}

TEST_F(SecretFileTest, AMissingFileIsNotFoundByName) {
  EXPECT_THAT(ReadSecretFile(path_), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path_)));
  EXPECT_THAT(StampOf(path_), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path_)));
}

TEST_F(SecretFileTest, FoldersPipesAndHugeFilesAreRefused) {
  EXPECT_THAT(ReadSecretFile(folder_.path()), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is not a file")));
  const std::string pipe = folder_.Join("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(ReadSecretFile(pipe), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(pipe)));
  Write(std::string((1 << 20) + 1, 'x'), 0600);
  EXPECT_THAT(ReadSecretFile(path_), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("too large")));
}

TEST_F(SecretFileTest, TheStampTellsAReplacedFileOfTheSameSize) {
  Write("first", 0600);
  ASSERT_OK_AND_ASSIGN(const SecretFile first, ReadSecretFile(path_));
  EXPECT_THAT(StampOf(path_), common::IsOkAndHolds(first.stamp));
  Write("other", 0600);
  ASSERT_OK_AND_ASSIGN(const FileStamp second, StampOf(path_));
  EXPECT_FALSE(second == first.stamp);
}

}  // namespace
}  // namespace cohort::security
