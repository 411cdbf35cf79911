// SPDX-License-Identifier: Apache-2.0
#include "tests/architecture/file_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_join.h"
#include "common/testing/status_matchers.h"
#include "tests/architecture/room_table.h"

namespace cohort::tests {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kGoodHeader[] =
    "// SPDX-License-Identifier: Apache-2.0\n#ifndef COHORT_REWARD_MATH_X_H_\n#define COHORT_REWARD_MATH_X_H_\n\n"
    "#endif  // COHORT_REWARD_MATH_X_H_\n";

std::string NumLines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "int x;\n";
  return text;
}

TEST(CheckLicenseLineTest, MissingLineIsFound) {
  EXPECT_THAT(CheckLicenseLine({"a/b.cc", "#include <a>\n"}), SizeIs(1));
  EXPECT_THAT(CheckLicenseLine({"a/b.proto", "\n// SPDX-License-Identifier: Apache-2.0\n"}), SizeIs(1));
  EXPECT_THAT(CheckLicenseLine({"a/b.h", kGoodHeader}), IsEmpty());
  EXPECT_THAT(CheckLicenseLine({"a/README.md", "A rule.\n"}), IsEmpty());
}

TEST(CheckGuardTest, GuardOfAnotherPathIsFound) {
  EXPECT_THAT(CheckGuard({"reward/math/x.h", kGoodHeader}), IsEmpty());
  EXPECT_THAT(CheckGuard({"reward/math/y.h", kGoodHeader}),
              ElementsAre("reward/math/y.h: the guard must be COHORT_REWARD_MATH_Y_H_"));
  EXPECT_THAT(CheckGuard({"reward/x.h", "#pragma once\n"}), SizeIs(1));
  EXPECT_THAT(CheckGuard({"reward/x.cc", ""}), IsEmpty());
}

TEST(CheckSizeTest, LongFilesNeedAReason) {
  EXPECT_THAT(CheckSize({"a/b.h", NumLines(150)}), IsEmpty());
  EXPECT_THAT(CheckSize({"a/b.h", NumLines(151)}), ElementsAre("a/b.h: 151 lines, at most 150"));
  EXPECT_THAT(CheckSize({"a/b.cc", NumLines(300)}), IsEmpty());
  EXPECT_THAT(CheckSize({"a/b.cu", NumLines(301)}), SizeIs(1));
  EXPECT_THAT(CheckSize({"a/b.cc", "// SPDX\n// Size: one table.\n" + NumLines(400)}), IsEmpty());
  EXPECT_THAT(CheckSize({"a/b.cc", "// SPDX\nint y;\n// Size: too late.\n" + NumLines(400)}), SizeIs(1));
}

TEST(CheckNameTest, WordsThatSayNothingAreFound) {
  for (const char* path :
       {"a/string_util.h", "a/utils.cc", "a/helpers/x.h", "a/misc.md", "a/job_manager.cc", "a/Helper.py"}) {
    EXPECT_THAT(CheckName({path, ""}), SizeIs(1)) << path;
  }
  EXPECT_THAT(CheckName({"a/utilization_metrics.h", ""}), IsEmpty());
}

TEST(CheckReadmeTest, FirstLineMustBeASentence) {
  EXPECT_THAT(CheckReadme({"a/README.md", "Things that belong in a.\n"}), IsEmpty());
  EXPECT_THAT(CheckReadme({"a/README.md", "# Title of a folder.\n"}), SizeIs(1));
  EXPECT_THAT(CheckReadme({"a/README.md", "\nThings that belong in a.\n"}), SizeIs(1));
  EXPECT_THAT(CheckReadme({"a/README.md", "TODO: add description\n"}), SizeIs(1));
}

class FileRulesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(const std::string root, FindSourceRoot());
    ASSERT_OK_AND_ASSIGN(files_, ReadRooms(root));
    ASSERT_GT(files_.size(), 100);
  }

  void ExpectNoViolation(std::vector<std::string> (*rule)(const SourceFile&)) {
    std::vector<std::string> violations;
    for (const SourceFile& file : files_) {
      for (const std::string& violation : rule(file)) violations.push_back(violation);
    }
    EXPECT_EQ(absl::StrJoin(violations, "\n"), "");
  }

  std::vector<SourceFile> files_;
};

TEST_F(FileRulesTest, EveryFileBeginsWithTheLicenseLine) { ExpectNoViolation(&CheckLicenseLine); }

TEST_F(FileRulesTest, EveryGuardIsThePath) { ExpectNoViolation(&CheckGuard); }

TEST_F(FileRulesTest, EveryFileIsWithinItsBudget) { ExpectNoViolation(&CheckSize); }

TEST_F(FileRulesTest, EveryNameSaysSomething) { ExpectNoViolation(&CheckName); }

TEST_F(FileRulesTest, EveryRoomHasItsRule) {
  for (const Room& room : Rooms()) {
    const auto readme = std::find_if(files_.begin(), files_.end(),
                                     [&](const SourceFile& file) { return file.path == room.name + "/README.md"; });
    ASSERT_NE(readme, files_.end()) << room.name << " has no README.md";
    EXPECT_THAT(CheckReadme(*readme), IsEmpty());
  }
}

}  // namespace
}  // namespace cohort::tests
