// SPDX-License-Identifier: Apache-2.0
#include "reward/document_scores_verifier.h"

#include <gmock/gmock.h>

#include <cmath>

#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

using cohort::v1::DocumentScoresVerifier_Metric;
using cohort::v1::Score;
using common::StatusIs;
using ::testing::HasSubstr;
using Spec = cohort::v1::DocumentScoresVerifier;

constexpr char kRow[] = R"({"scores": [8, 10, 1, 0, 4]})";

class DocumentScoresVerifierTest : public ::testing::Test {
 protected:
  std::unique_ptr<Verifier> Make(DocumentScoresVerifier_Metric metric) {
    spec_.mutable_document_scores()->set_metric(metric);
    return DocumentScoresVerifier::Create(spec_).value();
  }
  Score Judge(DocumentScoresVerifier_Metric metric, std::string_view completion, const char* row = kRow) {
    return Make(metric)->Judge(MakeProblem(row), completion);
  }
  absl::StatusOr<std::optional<std::string>> Gold(DocumentScoresVerifier_Metric metric, const char* row) {
    return Make(metric)->GoldCompletion(MakeProblem(row));
  }
  static cohort::v1::Problem MakeProblem(const char* row) {
    cohort::v1::Problem problem;
    problem.set_row_json(row);
    return problem;
  }

  cohort::v1::VerifierSpec spec_;
};

TEST_F(DocumentScoresVerifierTest, NdcgTakesGoldScoresAsGains) {
  const double ideal = 10 + 8 / std::log2(3.0) + 4 / 2.0 + 1 / std::log2(5.0);
  const double swapped = 8 + 10 / std::log2(3.0) + 4 / 2.0 + 1 / std::log2(5.0);
  EXPECT_DOUBLE_EQ(Judge(Spec::METRIC_NDCG, "<answer>[10, 7, 3, 0, 5]</answer>").value(), swapped / ideal);
  EXPECT_DOUBLE_EQ(Judge(Spec::METRIC_NDCG, "<answer>[7, 10, 3, 0, 5]</answer>").value(), 1);
}

TEST_F(DocumentScoresVerifierTest, RecallCountsRelevantDocumentsAmongTheFirstK) {
  spec_.mutable_document_scores()->set_num_documents(2);
  EXPECT_DOUBLE_EQ(Judge(Spec::METRIC_RECALL, "<answer>[7, 10, 3, 0, 5]</answer>").value(), 1);
  EXPECT_DOUBLE_EQ(Judge(Spec::METRIC_RECALL, "<answer>[1, 10, 3, 0, 5]</answer>").value(), 0.5);
  EXPECT_DOUBLE_EQ(Judge(Spec::METRIC_RECALL, "<answer>[0, 0, 3, 1, 5]</answer>").value(), 0);
}

TEST_F(DocumentScoresVerifierTest, AgreementComparesTheScoresThemselves) {
  EXPECT_NEAR(Judge(Spec::METRIC_AGREEMENT, "<answer>[7, 10, 3, 0, 5]</answer>").value(), 1 - 0.01726542608, 1e-10);
}

TEST_F(DocumentScoresVerifierTest, MalformedCompletionsAreWrongOrGradedBySeverity) {
  for (const auto metric : {Spec::METRIC_NDCG, Spec::METRIC_RECALL, Spec::METRIC_AGREEMENT}) {
    EXPECT_EQ(Judge(metric, "[7, 10, 3, 0, 5]").outcome(), cohort::v1::SCORE_OUTCOME_WRONG);
    EXPECT_EQ(Judge(metric, "<answer>[7]</answer>").outcome(), cohort::v1::SCORE_OUTCOME_WRONG);
  }
  EXPECT_DOUBLE_EQ(Judge(Spec::METRIC_MALFORMED, "no idea").value(), 1);
  EXPECT_DOUBLE_EQ(Judge(Spec::METRIC_MALFORMED, "<answer>no idea</answer>").value(), 0.2);
  EXPECT_DOUBLE_EQ(Judge(Spec::METRIC_MALFORMED, "<answer>[7, 10, 3, 0, 5]</answer>").value(), 0);
  EXPECT_DOUBLE_EQ(Judge(Spec::METRIC_MALFORMED, std::string((1 << 20) + 1, 'x')).value(), 0.2);
}

TEST_F(DocumentScoresVerifierTest, UnusableRowHasNoVerdict) {
  for (const char* row : {"", "{}", R"({"scores": []})", R"({"scores": [1, "2"]})", R"({"scores": [11]})"}) {
    EXPECT_EQ(Judge(Spec::METRIC_NDCG, "<answer>[1]</answer>", row).outcome(), cohort::v1::SCORE_OUTCOME_NO_VERDICT)
        << row;
  }
}

TEST_F(DocumentScoresVerifierTest, GoldIsGradedOneAndHopelessRowsAreRefused) {
  for (const auto metric : {Spec::METRIC_NDCG, Spec::METRIC_RECALL, Spec::METRIC_AGREEMENT}) {
    const auto gold = Gold(metric, kRow);
    ASSERT_OK(gold.status());
    EXPECT_DOUBLE_EQ(Judge(metric, **gold).value(), 1);
  }
  EXPECT_THAT(Gold(Spec::METRIC_NDCG, R"({"scores": [0, 0]})"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("every score is 0")));
  EXPECT_THAT(Gold(Spec::METRIC_RECALL, R"({"scores": [1, 4]})"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at least 5 (0)")));
}

TEST_F(DocumentScoresVerifierTest, BadSettingsAreRefusedByName) {
  spec_.mutable_document_scores()->set_max_score(-1);
  EXPECT_THAT(DocumentScoresVerifier::Create(spec_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("document_scores.max_score")));
}

}  // namespace
}  // namespace cohort::reward
