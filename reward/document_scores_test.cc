// SPDX-License-Identifier: Apache-2.0
#include "reward/document_scores.h"

#include <gmock/gmock.h>

#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

using common::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<std::vector<double>> Parse(std::string_view completion) {
  return ParseDocumentScores(completion, /*num_documents=*/3, /*max_score=*/10);
}

TEST(DocumentScoresTest, ListAndObjectGiveScoresInDocumentOrder) {
  EXPECT_THAT(*Parse("<reason>b fits</reason><answer>[1, 10, 2.5]</answer>"), ElementsAre(1, 10, 2.5));
  EXPECT_THAT(*Parse("<answer>\n{\"[2]\": 10, \"1\": 0, \"3\": 7}\n</answer> done"), ElementsAre(0, 10, 7));
}

TEST(DocumentScoresTest, LastAnswerCounts) {
  EXPECT_THAT(*Parse("<answer>[0,0,0]</answer> no: <answer>[1,2,3]</answer>"), ElementsAre(1, 2, 3));
}

TEST(DocumentScoresTest, MissingTagsAreNotFound) {
  for (const char* completion : {"", "[1,2,3]", "<answer>[1,2,3]", "[1,2,3]</answer>", "</answer><answer>"}) {
    EXPECT_THAT(Parse(completion).status(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("<answer>"))) << completion;
  }
}

TEST(DocumentScoresTest, AnythingElseInTheTagsIsInvalid) {
  for (const char* answer : {"", "7", "[1,2]", "[1,2,3,4]", "[1,2,\"3\"]", "[1,2,-1]", "[1,2,10.5]", "[1,2,NaN]",
                             "[1,2,[3]]", "{\"1\":1,\"2\":2,\"4\":3}", "[1,2,3", "[1,2,1e400]", "null"}) {
    const auto scores = Parse(std::string("<answer>") + answer + "</answer>");
    EXPECT_THAT(scores.status(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("the answer"))) << answer;
  }
}

TEST(DocumentScoresTest, DeepNestingIsRefusedNotFollowed) {
  const std::string deep(200'000, '[');
  EXPECT_THAT(Parse("<answer>" + deep + "</answer>").status(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(DocumentScoresTest, EqualPredictionsEarnNothing) {
  EXPECT_THAT(GoldInPredictedOrder({5, 5, 9}, {8, 1, 3}), ElementsAre(3, 1, 8));
  EXPECT_THAT(GoldInPredictedOrder({3, 2, 1}, {8, 1, 3}), ElementsAre(8, 1, 3));
}

}  // namespace
}  // namespace cohort::reward
