// SPDX-License-Identifier: Apache-2.0
#include "objective/objective.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/testing/status_matchers.h"
#include "objective/metric_sums.h"
#include "objective/testing/owned_batch.h"
#include "objective/testing/random_batch.h"
#include "objective/testing/specs.h"
#include "objective/testing/variants.h"

namespace cohort::objective {
namespace {

using cohort::common::StatusIs;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

OwnedSequence Sequence(const std::vector<double>& policy, double advantage = 1) {
  OwnedSequence sequence;
  sequence.label = "group 4 sibling 2";
  sequence.policy = sequence.proximal = sequence.behavior = sequence.reference = policy;
  sequence.policy_entropy = sequence.proximal_entropy = std::vector<double>(policy.size(), 1.0);
  sequence.advantage = advantage;
  sequence.subsentence_ends = sequence.item_ends = {static_cast<int64_t>(policy.size())};
  return sequence;
}

std::string ErrorOf(const Objective& objective, const OwnedSequence& sequence) {
  return std::string(
      Evaluate<double>(objective, std::vector<OwnedSequence>{Sequence({-1}), sequence}, 1).status().message());
}

TEST(ObjectiveTest, NumberThatIsNotFiniteIsRefusedNamingTensorSequenceAndToken) {
  const std::vector<std::pair<std::string, std::vector<double> OwnedSequence::*>> tensors = {
      {"policy_logprobs", &OwnedSequence::policy},     {"policy_entropies", &OwnedSequence::policy_entropy},
      {"proximal_logprobs", &OwnedSequence::proximal}, {"proximal_entropies", &OwnedSequence::proximal_entropy},
      {"behavior_logprobs", &OwnedSequence::behavior}, {"reference_logprobs", &OwnedSequence::reference}};
  for (const Variant& variant : AllVariants()) {
    const auto objective = MakeObjective(variant.preset, variant.overrides);
    for (const auto& [name, tensor] : tensors) {
      for (const double bad :
           {kNaN, std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
        OwnedSequence sequence = Sequence({-1, -2, -3});
        sequence.mask = {1, 0, 1};
        (sequence.*tensor)[1] = bad;  // also where the mask is 0
        EXPECT_EQ(ErrorOf(*objective, sequence), name + ": not finite (" +
                                                     (std::isnan(bad) ? "nan"
                                                      : bad > 0       ? "inf"
                                                                      : "-inf") +
                                                     "), group 4 sibling 2 token 1")
            << variant.name;
      }
    }
  }
}

TEST(ObjectiveTest, AdvantageThatIsNotFiniteIsRefused) {
  const auto objective = MakeObjective("grpo");
  EXPECT_EQ(ErrorOf(*objective, Sequence({-1}, kNaN)), "advantage: not finite (nan), group 4 sibling 2");
  OwnedSequence sequence = Sequence({-1, -1});
  sequence.token_advantages = {0, kNaN};
  EXPECT_EQ(ErrorOf(*objective, sequence), "token_advantages: not finite (nan), group 4 sibling 2 token 1");
}

TEST(ObjectiveTest, ListsOfTheWrongLengthAreRefused) {
  const auto objective = MakeObjective("sspo");
  OwnedSequence sequence = Sequence({-1, -1, -1});
  sequence.token_advantages = {1, 2};
  EXPECT_EQ(ErrorOf(*objective, sequence), "token_advantages: 2 for 3 tokens, group 4 sibling 2");
  sequence = Sequence({-1, -1, -1});
  sequence.mask = {1};
  EXPECT_EQ(ErrorOf(*objective, sequence), "mask: 1 for 3 tokens, group 4 sibling 2");
  sequence = Sequence({-1, -1, -1});
  sequence.subsentence_ends = {1, 2};
  EXPECT_EQ(ErrorOf(*objective, sequence),
            "subsentence_ends: must end at the number of tokens, 3 (2), group 4 sibling 2");
  sequence.subsentence_ends = {2, 2, 3};
  EXPECT_EQ(ErrorOf(*objective, sequence), "subsentence_ends: must rise (2), group 4 sibling 2");
  sequence = Sequence({-1, -1, -1});
  sequence.proximal.pop_back();
  EXPECT_EQ(ErrorOf(*objective, sequence), "proximal_logprobs: 3 for 4 tokens");
}

TEST(ObjectiveTest, GroupThatIsNotOfTheUpdateIsRefused) {
  OwnedSequence sequence = Sequence({-1});
  sequence.group = 1;
  EXPECT_EQ(ErrorOf(*MakeObjective("grpo"), sequence), "group: must be below the update's 1 (1), group 4 sibling 2");
}

TEST(ObjectiveTest, MissingTensorsAreNamed) {
  const auto error = [](const std::string& preset, const std::string& overrides,
                        std::vector<double> OwnedSequence::*tensor) {
    OwnedSequence sequence = Sequence({-1});
    (sequence.*tensor).clear();
    return std::string(
        Evaluate<float>(*MakeObjective(preset, overrides), std::vector<OwnedSequence>{sequence}, 1).status().message());
  };
  EXPECT_EQ(error("grpo", "", &OwnedSequence::proximal), "proximal_logprobs: missing");
  EXPECT_EQ(error("sspo", "", &OwnedSequence::proximal_entropy), "proximal_entropies: missing");
  EXPECT_EQ(error("rank_grpo", "", &OwnedSequence::reference), "reference_logprobs: missing");
  EXPECT_EQ(error("grpo", "entropy_coefficient: 0.1", &OwnedSequence::policy_entropy), "policy_entropies: missing");
  EXPECT_EQ(error("grpo", "mismatch { correction: CORRECTION_TRUNCATE }", &OwnedSequence::behavior),
            "behavior_logprobs: missing");
  EXPECT_EQ(error("grpo", "selection { off_policy_threshold: 0.1 }", &OwnedSequence::behavior),
            "behavior_logprobs: missing");
  EXPECT_EQ(error("grpo", "", &OwnedSequence::behavior), "");
  EXPECT_EQ(error("grpo", "", &OwnedSequence::policy_entropy), "");
}

TEST(ObjectiveTest, LossBeforeEveryStatisticIsKnownIsRefused) {
  const auto objective = MakeObjective("grpo", "selection { top_entropy_share: 0.5 }");
  const OwnedBatch<double> batch({Sequence({-1})});
  UpdateStatistics statistics = objective->BeginStatistics(1);
  StatisticSums sums = objective->EmptySums(statistics);
  ASSERT_OK(objective->Measure(batch.View(), statistics, &sums));
  objective->Conclude(sums, &statistics);
  EXPECT_THAT(objective->ComputeLoss(batch.View(), statistics),
              StatusIs(absl::StatusCode::kFailedPrecondition, "update statistics: 1 of 4 rounds concluded"));
}

// The first update of a train step has no proximal pass: tokens are counted before any log-prob is known.
TEST(ObjectiveTest, MeasureNeedsNoLogprobsUnlessStatisticsAreOverThem) {
  for (const Variant& variant : AllVariants()) {
    const auto objective = MakeObjective(variant.preset, variant.overrides);
    OwnedBatch<double> batch({Sequence({-1, -1})});
    TokenBatch<double> view = batch.View();
    view.policy_logprobs_T = view.policy_entropies_T = view.proximal_logprobs_T = {};
    view.proximal_entropies_T = view.behavior_logprobs_T = view.reference_logprobs_T = {};
    const UpdateStatistics statistics = objective->BeginStatistics(1);
    StatisticSums sums = objective->EmptySums(statistics);
    EXPECT_EQ(objective->Measure(view, statistics, &sums).ok(), !objective->NeedsProximalPassBeforeStatistics())
        << variant.name;
  }
}

TEST(ObjectiveTest, MicrobatchWithoutTokensOrSequencesIsZero) {
  for (const Variant& variant : AllVariants()) {
    const auto objective = MakeObjective(variant.preset, variant.overrides);
    for (const std::vector<OwnedSequence>& sequences :
         {std::vector<OwnedSequence>{}, std::vector<OwnedSequence>{OwnedSequence()}}) {
      const auto result = Evaluate<float>(*objective, sequences, 1);
      ASSERT_TRUE(result.ok()) << variant.name << result.status();
      EXPECT_EQ(result->loss, 0);
      EXPECT_TRUE(result->gradient_T.empty());
    }
  }
}

TEST(ObjectiveTest, EveryReportedMetricIsListedAndEveryListedOneIsReported) {
  std::vector<std::string> reported;
  for (const Variant& variant : AllVariants()) {
    const auto result = Evaluate<double>(*MakeObjective(variant.preset, variant.overrides),
                                         std::vector<OwnedSequence>{Sequence({-1})}, 1);
    ASSERT_TRUE(result.ok()) << result.status();
    for (const auto& [name, value] : result->sums) reported.push_back(name);
  }
  std::vector<std::string> listed = MetricNames();
  std::sort(listed.begin(), listed.end());
  std::sort(reported.begin(), reported.end());
  reported.erase(std::unique(reported.begin(), reported.end()), reported.end());
  EXPECT_EQ(reported, listed);
}

TEST(ObjectiveTest, MetricsAddUpByTheRuleOfTheirNames) {
  MetricSums totals;
  AddMetrics({{"sum_x", 1}, {"min_x", 2}, {"max_x", 2}, {"count_x", 1}}, &totals);
  AddMetrics({{"sum_x", 1}, {"min_x", 1}, {"max_x", 3}}, &totals);
  EXPECT_EQ(totals, (MetricSums{{"sum_x", 2}, {"min_x", 1}, {"max_x", 3}, {"count_x", 1}}));
}

TEST(ObjectiveTest, BypassMeasuresNoMismatchRatherThanNone) {
  const std::vector<OwnedSequence> sequences = {Sequence({-1, -2})};
  EXPECT_EQ(Evaluate<double>(*MakeObjective("grpo"), sequences, 1)->sums.count("count_behavior_tokens"), 1);
  const auto bypassed = Evaluate<double>(*MakeObjective("grpo", "mismatch { bypass: true }"), sequences, 1);
  ASSERT_TRUE(bypassed.ok());
  for (const char* name : {"count_behavior_tokens", "sum_mismatch_abs", "max_mismatch_abs", "sum_mismatch_weight"}) {
    EXPECT_EQ(bypassed->sums.count(name), 0) << name;
  }
}

TEST(ObjectiveTest, CorrectionsAndSelectionsAreCounted) {
  OwnedSequence sequence = Sequence({-1, -1, -1, -1}, -1);
  sequence.behavior = {-1, -3, -1, -1};  // w = 1, e^2, 1, 1
  const auto masked = Evaluate<double>(*MakeObjective("grpo", "mismatch { correction: CORRECTION_MASK }"),
                                       std::vector<OwnedSequence>{sequence}, 1);
  ASSERT_TRUE(masked.ok());
  EXPECT_EQ(masked->sums.at("count_mismatch_masked"), 1);
  EXPECT_EQ(masked->sums.at("sum_mismatch_factor"), 3);
  EXPECT_NEAR(masked->sums.at("sum_mismatch_abs"), 2, 1e-12);
  EXPECT_EQ(masked->gradient_T[1], 0);
  EXPECT_NEAR(masked->gradient_T[0], 0.25, 1e-12);  // the denominator keeps the masked token
  // mean(b - x) = -1/2: kept; with the signs turned around: left out.
  const auto objective = MakeObjective("grpo", "selection { off_policy_threshold: 0.4 }");
  EXPECT_EQ(Evaluate<double>(*objective, std::vector<OwnedSequence>{sequence}, 1)->sums.at("count_unselected"), 0);
  sequence.behavior = {-1, 1, -1, -1};
  const auto dropped = Evaluate<double>(*objective, std::vector<OwnedSequence>{sequence}, 1);
  EXPECT_EQ(dropped->sums.at("count_unselected"), 4);
  EXPECT_EQ(dropped->gradient_T, std::vector<double>(4, 0.0));
  sequence.advantage = 1;
  EXPECT_EQ(Evaluate<double>(*objective, std::vector<OwnedSequence>{sequence}, 1)->sums.at("count_unselected"), 0);
}

TEST(ObjectiveTest, TopEntropyKeepsTheExactShareOfTheWholeUpdateAndTies) {
  const auto objective = MakeObjective("grpo", "selection { top_entropy_share: 0.2 }");
  std::vector<OwnedSequence> sequences(2, Sequence({-1, -1, -1, -1, -1}));
  sequences[0].proximal_entropy = {0.1, 0.2, 0.3, 0.4, 0.5};
  sequences[1].proximal_entropy = {0.6, 0.7, 0.8, 0.9, 1.0};
  sequences[1].group = 0;
  const auto statistics = MeasureUpdate<double>(*objective, {{{sequences[0]}}, {{sequences[1]}}}, 1);
  ASSERT_TRUE(statistics.ok());
  // (1 - 0.2) (10 - 1) = 7.2 lies between the 8th and the 9th smallest.
  EXPECT_EQ(statistics->entropy_threshold, 0.9);
  const auto result = Evaluate<double>(*objective, std::vector<RankBatches>{{{sequences[0]}}, {{sequences[1]}}}, 1);
  EXPECT_EQ(result->sums.at("count_unselected"), 8);
  sequences[1].proximal_entropy = std::vector<double>(5, 1.0);
  EXPECT_EQ(Evaluate<double>(*objective, sequences, 1)->sums.at("count_unselected"), 5);
  for (OwnedSequence& sequence : sequences) sequence.proximal_entropy = {-0.0, 0.0, -1e-9, 0, 0};
  EXPECT_EQ(MeasureUpdate<double>(*objective, {{sequences}}, 1)->entropy_threshold, 0);
}

TEST(ObjectiveTest, TruncatedCompletionsLeaveTheLossButStayInItsNumberOfSequences) {
  OwnedSequence truncated = Sequence({-1, -1});
  truncated.is_truncated = true;
  const auto objective = MakeObjective("grpo", "selection { drop_truncated: true }");
  const auto result = Evaluate<double>(*objective, std::vector<OwnedSequence>{truncated, Sequence({-1, -1})}, 1);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->gradient_T, (std::vector<double>{0, 0, -0.25, -0.25}));
  EXPECT_EQ(result->sums.at("count_tokens"), 2);
}

TEST(ObjectiveTest, KlInTheRewardLowersTheAdvantageOfEveryToken) {
  OwnedSequence sequence = Sequence({-1, -1});
  sequence.reference = {-2, -1};
  const auto objective =
      MakeObjective("grpo", "kl { coefficient: 0.1 placement: PLACEMENT_REWARD estimator: ESTIMATOR_K1 }");
  const auto result = Evaluate<double>(*objective, std::vector<OwnedSequence>{sequence}, 1);
  ASSERT_TRUE(result.ok());
  EXPECT_NEAR(result->gradient_T[0], -0.45, 1e-12);
  EXPECT_NEAR(result->gradient_T[1], -0.5, 1e-12);
}

TEST(ObjectiveTest, HugeLogRatiosStayFinite) {
  for (const Variant& variant : AllVariants()) {
    OwnedSequence sequence = Sequence({-900, -1e-3, -1, -2}, -1);
    sequence.proximal = {-1e-3, -900, -1, -2};
    sequence.behavior = {-1, -1, -900, -1};
    sequence.reference = {-1, -900, -1, -1};
    sequence.subsentence_ends = sequence.item_ends = {1, 4};
    const auto result = Evaluate<float>(*MakeObjective(variant.preset, variant.overrides),
                                        std::vector<OwnedSequence>{sequence, Sequence({-1, -2}, 1)}, 1);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_TRUE(std::isfinite(result->loss)) << variant.name;
    for (const float gradient : result->gradient_T) EXPECT_TRUE(std::isfinite(gradient)) << variant.name;
    for (const auto& [name, value] : result->sums) EXPECT_TRUE(std::isfinite(value)) << variant.name << name;
  }
}

TEST(SftTest, LossIsCrossEntropyAndGradientMinusTheWeight) {
  OwnedSequence first = Sequence({-1, -2, -3});
  OwnedSequence second = Sequence({-4});
  for (OwnedSequence* sequence : {&first, &second}) {
    sequence->proximal = sequence->behavior = sequence->reference = {};
    sequence->group = 77;  // demonstrations have no groups
  }
  const auto mean = Evaluate<float>(*MakeObjective("sft"), std::vector<OwnedSequence>{first, second}, 0);
  ASSERT_TRUE(mean.ok()) << mean.status();
  EXPECT_NEAR(mean->loss, 2.5, 1e-6);
  EXPECT_EQ(mean->gradient_T, std::vector<float>(4, -0.25f));
  EXPECT_EQ(mean->sums.at("count_tokens"), 4);
  const auto per_sequence =
      Evaluate<double>(*MakeObjective("sft", "loss_reduction: LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_MEAN"),
                       std::vector<OwnedSequence>{first, second}, 2);
  EXPECT_NEAR(per_sequence->loss, 3, 1e-12);
  EXPECT_NEAR(per_sequence->gradient_T[0], -1.0 / 6, 1e-15);
}

}  // namespace
}  // namespace cohort::objective
