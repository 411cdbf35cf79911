// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/offline_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace cohort::rollout_worker {
namespace {

using common::IsOkAndHolds;
using common::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class OfflineFilesTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& content) {
    EXPECT_OK(common::WriteFileAtomically(dir_.Join("in.jsonl"), content));
    return dir_.Join("in.jsonl");
  }
  common::TempDir dir_;
};

TEST_F(OfflineFilesTest, PromptsAreReadInOrder) {
  EXPECT_THAT(ReadPrompts(Write("{\"prompt\": \"a\"}\n{\"prompt\": \"b\", \"x\": 1}\n")),
              IsOkAndHolds(ElementsAre("a", "b")));
  EXPECT_THAT(ReadPrompts(Write("{\"prompt\": \"a\"}")), IsOkAndHolds(ElementsAre("a")));
}

TEST_F(OfflineFilesTest, BadRowIsNamed) {
  EXPECT_THAT(ReadPrompts(Write("{\"prompt\": \"a\"}\n{\"prompt\": \n")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("in.jsonl row 2: is not a JSON object")));
  EXPECT_THAT(ReadPrompts(Write("{\"prompt\": \"a\"}\n{\"prompt\": \"\xff\"}\n")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("row 2: is not a JSON object in UTF-8")));
  EXPECT_THAT(ReadPrompts(Write("{\"text\": \"a\"}\n")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("row 1: prompt: is not there")));
}

TEST_F(OfflineFilesTest, TokenIdsMustBeTwoOrMoreIds) {
  EXPECT_THAT(ReadTokenIds(Write("{\"token_ids\": [3, 4, 5]}\n")), IsOkAndHolds(ElementsAre(ElementsAre(3, 4, 5))));
  EXPECT_THAT(ReadTokenIds(Write("{\"token_ids\": [3]}\n")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("row 1: token_ids: must be a list")));
  EXPECT_THAT(ReadTokenIds(Write("{\"token_ids\": [3, -4]}\n")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("(-4)")));
}

TEST_F(OfflineFilesTest, EndlessValueIsCutInTheError) {
  EXPECT_THAT(ReadTokenIds(Write("{\"token_ids\": [1, \"" + std::string(100'000, 'x') + "\"]}\n")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("xxx...)")));
  const std::string deep = "{\"token_ids\": [1, " + std::string(100'000, '[') + std::string(100'000, ']') + "]}\n";
  const absl::Status status = ReadTokenIds(Write(deep)).status();
  EXPECT_THAT(status,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("row 1: token_ids: is not a token id (array)")));
  EXPECT_LT(status.message().size(), 400u);
}

TEST_F(OfflineFilesTest, FolderAsOutputIsSaidAtOnce) {
  EXPECT_THAT(CheckOutputPath(dir_.path()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--output: is a folder")));
}

TEST_F(OfflineFilesTest, OutputInAMissingFolderIsSaidAtOnce) {
  EXPECT_OK(CheckOutputPath(dir_.Join("out.jsonl")));
  EXPECT_THAT(CheckOutputPath(dir_.Join("missing/out.jsonl")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("missing")));
}

}  // namespace
}  // namespace cohort::rollout_worker
