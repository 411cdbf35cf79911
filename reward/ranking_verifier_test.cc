// SPDX-License-Identifier: Apache-2.0
#include "reward/ranking_verifier.h"

#include <gmock/gmock.h>

#include <cmath>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "gtest/gtest.h"
#include "reward/rubric.h"

namespace cohort::reward {
namespace {

using cohort::v1::Score;
using common::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kCatalogue[] = R"({"title": "Heat", "year": 1995}
{"title": "Up", "year": 2009}
{"title": "Alien", "year": 1979}
{"title": "Dune", "year": 1984}
{"title": "Dune", "year": 2021}
{"title": "Brazil", "year": 1985}
)";
constexpr char kRow[] =
    R"({"truths": [{"title": "Heat", "year": 1995}, {"title": "Dune", "year": 2020}], "seen": ["Alien"]})";

class RankingVerifierTest : public ::testing::Test {
 protected:
  RankingVerifierTest() {
    EXPECT_OK(common::WriteFileAtomically(dir_.Join("catalogue.jsonl"), kCatalogue));
    cohort::v1::RankingVerifier& ranking = *spec_.mutable_ranking();
    ranking.set_catalogue_path(dir_.Join("catalogue.jsonl"));
    ranking.set_num_items(3);
  }
  Score Judge(std::string_view completion, const std::string& row = kRow) {
    return RankingVerifier::Create(spec_).value()->Judge(MakeProblem(row), completion);
  }
  absl::StatusOr<std::optional<std::string>> Gold(const std::string& row) {
    return RankingVerifier::Create(spec_).value()->GoldCompletion(MakeProblem(row));
  }
  static cohort::v1::Problem MakeProblem(const std::string& row) {
    cohort::v1::Problem problem;
    problem.set_answer("[...]");
    problem.set_row_json(row);
    return problem;
  }

  const common::TempDir dir_;
  cohort::v1::VerifierSpec spec_;
};

TEST_F(RankingVerifierTest, HitsStandByPositionInTheList) {
  const Score score = Judge("Try these:\n1. Up (2009)\n2. *Heat* (1995)\n\n3. Dune (2021)\n");
  EXPECT_EQ(score.outcome(), cohort::v1::SCORE_OUTCOME_GRADED);
  EXPECT_THAT(score.item_values(), ElementsAre(0, 1, 1));
  const double ideal = 1 + 1 / std::log2(3.0);
  EXPECT_DOUBLE_EQ(score.value(), (1 / std::log2(3.0) + 0.5) / ideal);
}

TEST_F(RankingVerifierTest, ValueLeavesOutWhatWasSeenOrDoesNotExistItemValuesDoNot) {
  const Score score = Judge("Alien (1979)\nNo Such Film (2000)\nHeat (1995)\nDune (2021)\n");
  EXPECT_THAT(score.item_values(), ElementsAre(0, 0, 1)) << "the fourth item is past N";
  EXPECT_EQ(score.value(), 1) << "both ground truths lead what is on offer";
}

TEST_F(RankingVerifierTest, HitNeedsTheCatalogueYearWithinTwoOfTheTruth) {
  EXPECT_THAT(Judge("Dune (2021)").item_values(), ElementsAre(1, 0, 0));
  EXPECT_THAT(Judge("Dune (2020)").item_values(), ElementsAre(0, 0, 0)) << "not in the catalogue";
  EXPECT_THAT(Judge("Dune (1984)").item_values(), ElementsAre(0, 0, 0)) << "another film";
}

TEST_F(RankingVerifierTest, GroundTruthIsHitOnce) {
  EXPECT_THAT(Judge("Heat (1995)\nHEAT (1995)\nDune (2021)").item_values(), ElementsAre(1, 0, 1));
}

TEST_F(RankingVerifierTest, ExactYearIsTakenBeforeANearOne) {
  EXPECT_OK(common::WriteFileAtomically(dir_.Join("catalogue.jsonl"),
                                        "{\"title\": \"It\", \"year\": 1990}\n{\"title\": \"It\", \"year\": 1992}\n"));
  const std::string row = R"({"truths": [{"title": "It", "year": 1991}, {"title": "It", "year": 1992}]})";
  EXPECT_THAT(Judge("It (1992)\nIt (1990)", row).item_values(), ElementsAre(1, 1, 0));
}

TEST_F(RankingVerifierTest, MetricIsWhatTheSpecNames) {
  EXPECT_EQ(Judge("Heat (1995)").value(), 1) << "a short list";
  spec_.mutable_ranking()->set_metric(cohort::v1::RankingVerifier::METRIC_NDCG_FULL_LIST);
  EXPECT_DOUBLE_EQ(Judge("Heat (1995)").value(), 1 / (1 + 1 / std::log2(3.0)));
  spec_.mutable_ranking()->set_metric(cohort::v1::RankingVerifier::METRIC_RECALL);
  EXPECT_EQ(Judge("Up (2009)\nBrazil (1985)\nHeat (1995)\nDune (2021)").value(), 0.5) << "the last is past N";
}

TEST_F(RankingVerifierTest, ListsWithoutAHitAreWrongAndHaveItemValues) {
  const Score none = Judge("I would not know.");
  EXPECT_EQ(none.outcome(), cohort::v1::SCORE_OUTCOME_WRONG);
  EXPECT_EQ(none.reason(), "no line names an item as \"title (year)\"");
  EXPECT_THAT(none.item_values(), ElementsAre(0, 0, 0));
  const Score miss = Judge("Up (2009)\nBrazil (1985)");
  EXPECT_EQ(miss.outcome(), cohort::v1::SCORE_OUTCOME_WRONG);
  EXPECT_EQ(miss.reason(), "no hit among the first 3 of 2 items");
  const Score long_text = Judge("Heat (1995)\n" + std::string(1 << 20, 'x'));
  EXPECT_EQ(long_text.outcome(), cohort::v1::SCORE_OUTCOME_WRONG);
  EXPECT_THAT(long_text.reason(), HasSubstr("longer than"));
  EXPECT_THAT(long_text.item_values(), ElementsAre(0, 0, 0));
}

TEST_F(RankingVerifierTest, UnusableRowOrCatalogueIsNoVerdict) {
  EXPECT_EQ(Judge("Heat (1995)", "{}").outcome(), cohort::v1::SCORE_OUTCOME_NO_VERDICT);
  EXPECT_THAT(Judge("Heat (1995)", "{}").item_values(), ElementsAre());
  spec_.mutable_ranking()->set_catalogue_path(dir_.Join("absent.jsonl"));
  const Score score = Judge("Heat (1995)");
  EXPECT_EQ(score.outcome(), cohort::v1::SCORE_OUTCOME_NO_VERDICT);
  EXPECT_THAT(score.reason(), HasSubstr("absent.jsonl"));
}

TEST_F(RankingVerifierTest, GoldListIsGradedOneByEveryMetric) {
  ASSERT_OK_AND_ASSIGN(const auto gold, Gold(kRow));
  EXPECT_EQ(*gold, "Heat (1995)\nDune (2021)") << "with the catalogue's years";
  for (const auto metric :
       {cohort::v1::RankingVerifier::METRIC_NDCG, cohort::v1::RankingVerifier::METRIC_NDCG_FULL_LIST,
        cohort::v1::RankingVerifier::METRIC_RECALL}) {
    spec_.mutable_ranking()->set_metric(metric);
    EXPECT_EQ(Judge(*gold).value(), 1) << metric;
  }
}

TEST_F(RankingVerifierTest, GroundTruthThatNoListCanHitIsRefusedByName) {
  const auto refused = [](const std::string& why) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why));
  };
  EXPECT_THAT(Gold(R"({"truths": [{"title": "Tron", "year": 1982}]})"),
              refused("lacks the ground truth \"Tron (1982)\""));
  EXPECT_THAT(Gold(R"({"truths": [{"title": "Heat", "year": 1998}]})"), refused("lacks the ground truth"));
  EXPECT_THAT(Gold(R"({"truths": [{"title": "Up", "year": 2009}], "seen": ["UP"]})"), refused("\"Up\" was seen"));
  spec_.mutable_ranking()->set_metric(cohort::v1::RankingVerifier::METRIC_RECALL);
  spec_.mutable_ranking()->set_num_items(1);
  EXPECT_THAT(Gold(kRow), refused("no list of 1 items recalls 2 ground truths"));
}

TEST_F(RankingVerifierTest, BadSpecIsRefusedByField) {
  const auto refused = [](const std::string& why) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why));
  };
  spec_.mutable_ranking()->set_num_items(1001);
  EXPECT_THAT(RankingVerifier::Create(spec_), refused("ranking.num_items"));
  spec_.mutable_ranking()->set_num_items(0);
  spec_.mutable_ranking()->set_metric(static_cast<cohort::v1::RankingVerifier::Metric>(9));
  EXPECT_THAT(RankingVerifier::Create(spec_), refused("ranking.metric"));
  spec_.mutable_ranking()->clear_catalogue_path();
  EXPECT_THAT(RankingVerifier::Create(spec_), refused("ranking.catalogue_path"));
}

TEST_F(RankingVerifierTest, RubricFindsTheCatalogueUnderTheDataRootAndPassesItemValuesOn) {
  const auto zygote = Zygote::Start().value();
  cohort::v1::RewardSpec reward;
  *reward.add_verifiers() = spec_;
  reward.mutable_verifiers(0)->mutable_ranking()->set_catalogue_path("catalogue.jsonl");
  *reward.add_verifiers() = reward.verifiers(0);
  reward.mutable_verifiers(1)->set_name("recall");
  reward.mutable_verifiers(1)->set_weight(0);
  reward.mutable_verifiers(1)->mutable_ranking()->set_metric(cohort::v1::RankingVerifier::METRIC_RECALL);
  ASSERT_OK_AND_ASSIGN(const auto rubric, Rubric::Create(reward, dir_.path(), zygote.get(), /*num_children=*/1));
  EXPECT_OK(rubric->CheckGold(MakeProblem(kRow)));
  EXPECT_EQ(rubric->MaxReward(), 1);
  ASSERT_OK_AND_ASSIGN(const auto results, rubric->Judge(MakeProblem(kRow), {"Heat (1995)", "nothing"}));
  EXPECT_EQ(results[0].reward, 1);
  EXPECT_EQ(results[0].scores[1].value(), 0.5);
  EXPECT_THAT(results[0].scores[0].item_values(), ElementsAre(1, 0, 0));
  EXPECT_THAT(results[1].scores[0].item_values(), ElementsAre(0, 0, 0));
}

TEST_F(RankingVerifierTest, RubricRefusesABadCatalogueByField) {
  const auto zygote = Zygote::Start().value();
  cohort::v1::RewardSpec reward;
  *reward.add_verifiers() = spec_;
  for (const char* path : {"absent.jsonl", "../catalogue.jsonl", "."}) {
    reward.mutable_verifiers(0)->mutable_ranking()->set_catalogue_path(path);
    EXPECT_THAT(Rubric::Create(reward, dir_.path(), zygote.get(), 1),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("verifiers[0].ranking.catalogue_path: "), HasSubstr(path))));
  }
}

}  // namespace
}  // namespace cohort::reward
