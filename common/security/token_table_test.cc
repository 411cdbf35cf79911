// SPDX-License-Identifier: Apache-2.0
#include "common/security/token_table.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

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

constexpr char kAdmin[] = "AdminAdminAdminAdminAdminAdmin01";
constexpr char kWorker[] = "WorkerWorkerWorkerWorkerWorker01";

class TokenTableTest : public ::testing::Test {
 protected:
  void Write(const std::string& content) {
    ASSERT_OK(common::WriteFileAtomically(path_, content));
    ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  }

  common::TempDir folder_;
  const std::string path_ = folder_.Join("tokens");
  common::SimulatedClock clock_;
};

TEST_F(TokenTableTest, EveryTokenIsFoundAndNoOther) {
  Write(std::string(kAdmin) + " admin\n" + kWorker + " worker\n");
  ASSERT_OK_AND_ASSIGN(const auto table, TokenTable::Open(path_, &clock_));
  ASSERT_TRUE(table->Find(kAdmin).has_value());
  EXPECT_EQ(table->Find(kAdmin)->role, Role::kAdmin);
  ASSERT_TRUE(table->Find(kWorker).has_value());
  EXPECT_EQ(table->Find(kWorker)->role, Role::kWorker);
  EXPECT_FALSE(table->Find("").has_value());
  EXPECT_FALSE(table->Find("AdminAdminAdminAdminAdminAdmin0").has_value());
  EXPECT_FALSE(table->Find("adminAdminAdminAdminAdminAdmin01").has_value());
}

TEST_F(TokenTableTest, ATokenThatIsTakenOutOfTheFileEndsWithoutARestart) {
  Write(std::string(kAdmin) + " admin\n" + kWorker + " worker\n");
  ASSERT_OK_AND_ASSIGN(const auto table, TokenTable::Open(path_, &clock_));
  Write(std::string(kAdmin) + " admin\n");
  clock_.Advance(absl::Seconds(2));
  EXPECT_FALSE(table->Find(kWorker).has_value());
  EXPECT_TRUE(table->Find(kAdmin).has_value());
}

TEST_F(TokenTableTest, ABadFileIsRefusedByFileAndLine) {
  Write(std::string(kAdmin) + " boss\n");
  EXPECT_THAT(
      TokenTable::Open(path_, &clock_),
      StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr(path_ + ": line 1"), Not(HasSubstr("AdminAdmin")))));
}

}  // namespace
}  // namespace cohort::security
