// SPDX-License-Identifier: Apache-2.0
#include "common/security/reloaded_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/files.h"
#include "common/testing/simulated_clock.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace cohort::security {
namespace {

using ::cohort::common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

absl::StatusOr<std::string> ParseGood(std::string_view content) {
  if (content.substr(0, 4) == "good") return std::string(content);
  return absl::InvalidArgumentError("is not good");
}

class ReloadedFileTest : public ::testing::Test {
 protected:
  void Write(const std::string& content, mode_t mode = 0600) {
    ASSERT_OK(common::WriteFileAtomically(path_, content));
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }
  auto Open() { return ReloadedFile<std::string>::Open(path_, ParseGood, &clock_); }
  // What the file says after the next look.
  std::string Next(ReloadedFile<std::string>* file) {
    clock_.Advance(absl::Seconds(2));
    return *file->Current();
  }

  common::TempDir folder_;
  const std::string path_ = folder_.Join("secret");
  common::SimulatedClock clock_;
};

TEST_F(ReloadedFileTest, AChangedFileIsReadAgainAfterTwoSeconds) {
  Write("good 1");
  ASSERT_OK_AND_ASSIGN(const auto file, Open());
  Write("good 2");
  clock_.Advance(absl::Milliseconds(1999));
  EXPECT_EQ(*file->Current(), "good 1");
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(*file->Current(), "good 2");
}

TEST_F(ReloadedFileTest, ABadFileKeepsTheOldContentWithOneErrorThatDoesNotShowIt) {
  Write("good 1");
  ASSERT_OK_AND_ASSIGN(const auto file, Open());
  Write("bad hush");
  CaptureStderr();
  EXPECT_EQ(Next(file.get()), "good 1");
  EXPECT_THAT(GetCapturedStderr(),
              AllOf(HasSubstr("error"), HasSubstr(path_), HasSubstr("is not good"), Not(HasSubstr("hush"))));
  CaptureStderr();
  EXPECT_EQ(Next(file.get()), "good 1");
  EXPECT_EQ(GetCapturedStderr(), "");
  Write("good 3");
  EXPECT_EQ(Next(file.get()), "good 3");
}

TEST_F(ReloadedFileTest, AFileThatIsGoneOrOpenToOthersKeepsTheOldContent) {
  Write("good 1");
  ASSERT_OK_AND_ASSIGN(const auto file, Open());
  ASSERT_EQ(unlink(path_.c_str()), 0);
  CaptureStderr();
  EXPECT_EQ(Next(file.get()), "good 1");
  EXPECT_EQ(Next(file.get()), "good 1");
  Write("good 2", 0644);
  EXPECT_EQ(Next(file.get()), "good 1");
  EXPECT_THAT(GetCapturedStderr(), AllOf(HasSubstr("cannot open"), HasSubstr("chmod")));
  ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  EXPECT_EQ(Next(file.get()), "good 2");
}

TEST_F(ReloadedFileTest, AFileThatCouldNotBeReadForAMomentIsReadAgainThoughItDidNotChange) {
  Write("good 1");
  bool has_descriptors = true;
  const auto read = [&](std::string_view path) -> absl::StatusOr<SecretFile> {
    if (!has_descriptors) return absl::ResourceExhaustedError("too many open files");
    return ReadSecretFile(path);
  };
  ASSERT_OK_AND_ASSIGN(const auto file, ReloadedFile<std::string>::Open(path_, ParseGood, &clock_, read));
  Write("good 2");
  has_descriptors = false;
  EXPECT_EQ(Next(file.get()), "good 1");
  has_descriptors = true;
  EXPECT_EQ(Next(file.get()), "good 2");
}

TEST_F(ReloadedFileTest, TheFirstContentMustBeGood) {
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path_)));
  Write("bad");
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr(path_), HasSubstr("is not good"))));
}

}  // namespace
}  // namespace cohort::security
