// SPDX-License-Identifier: Apache-2.0
// Size: every estimator and what shapes its rewards, against one file of records.
#include "objective/credit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/testing/status_matchers.h"
#include "objective/item_rewards.h"
#include "objective/overlong_penalty.h"
#include "objective/testing/golden.h"
#include "objective/testing/specs.h"
#include "objective/tournament.h"
#include "objective/unlikeliness.h"

namespace cohort::objective {
namespace {

using cohort::common::StatusIs;
using cohort::v1::AdvantageSpec;

constexpr double kTolerance = 1e-12;

GroupFacts Judged(const std::vector<double>& rewards) {
  GroupFacts group;
  for (const double reward : rewards) group.sequences.push_back({.reward = reward});
  return group;
}

AdvantageSpec Spec(const std::string& text) { return ResolvedSpec("grpo", "advantage { " + text + " }").advantage(); }

std::vector<GroupCredit> Credit(const AdvantageSpec& spec, const std::vector<GroupFacts>& groups,
                                const std::vector<double>& weights = {1.0}) {
  absl::StatusOr<std::vector<GroupCredit>> credit = ComputeCredit(spec, weights, groups);
  EXPECT_TRUE(credit.ok()) << credit.status();
  return credit.ok() ? *credit : std::vector<GroupCredit>();
}

std::vector<double> Advantages(const GroupCredit& group) {
  std::vector<double> advantages;
  for (const SequenceCredit& credit : group) advantages.push_back(credit.advantage);
  return advantages;
}

std::vector<double> Advantages(const AdvantageSpec& spec, const std::vector<double>& rewards) {
  return Advantages(Credit(spec, {Judged(rewards)})[0]);
}

void ExpectNear(const std::vector<double>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], kTolerance) << i;
}

// An eta of 0 is refused at submit; the formula has it.
AdvantageSpec WithoutEta(const std::string& text) {
  AdvantageSpec spec = Spec(text);
  spec.set_epsilon(0);
  return spec;
}

TEST(CreditTest, GroupScoresMatchGolden) {
  const std::vector<double> rewards = GoldenNumbers("advantage/rewards", "R");
  ExpectNear(Advantages(Spec("epsilon: 1e-6"), rewards), GoldenNumbers("advantage/grpo_unbiased_eps1e-6", "A"));
  ExpectNear(Advantages(Spec("epsilon: 1e-4"), rewards), GoldenNumbers("advantage/grpo_unbiased_eps1e-4", "A"));
  ExpectNear(Advantages(WithoutEta("population_std: true"), rewards),
             GoldenNumbers("advantage/grpo_population_eps0", "A"));
  ExpectNear(Advantages(ResolvedSpec("dr_grpo").advantage(), rewards), GoldenNumbers("advantage/dr_grpo", "A"));
  ExpectNear(Advantages(Spec("estimator: ESTIMATOR_LEAVE_ONE_OUT"), rewards), GoldenNumbers("advantage/rloo", "A"));
}

TEST(CreditTest, OneCorrectOfSixteenMatchesGolden) {
  std::vector<double> rewards(16, 0.0);
  rewards[0] = 1;
  const std::string record = "advantage/one_of_16_unbiased_eps0";
  EXPECT_NEAR(Advantages(WithoutEta(""), rewards)[0], GoldenNumber(record, "A0"), kTolerance);
  EXPECT_NEAR(Advantages(WithoutEta("population_std: true"), rewards)[0], GoldenNumber(record, "A0_population"),
              kTolerance);
}

// Every group of G right and wrong answers, weighed by its probability.
TEST(CreditTest, ShareOfZeroSignalGroupsMatchesGolden) {
  const AdvantageSpec spec = Spec("");
  for (const int group_size : {4, 8, 16}) {
    std::vector<double> zero_signal_by_right(group_size + 1, 0.0);
    for (int right = 0; right <= group_size; ++right) {
      std::vector<double> rewards(group_size, 0.0);
      for (int i = 0; i < right; ++i) rewards[i] = 1;
      zero_signal_by_right[right] = IsZeroSignal(Credit(spec, {Judged(rewards)})[0]) ? 1 : 0;
    }
    for (const double p : {0.5, 0.9}) {
      double share = 0;
      double ways = 1;  // binomial coefficient
      for (int right = 0; right <= group_size; ++right) {
        share += zero_signal_by_right[right] * ways * std::pow(p, right) * std::pow(1 - p, group_size - right);
        ways = ways * (group_size - right) / (right + 1);
      }
      const std::string key = std::string("p=") + (p == 0.5 ? "0.5" : "0.9") + ",G=" + std::to_string(group_size);
      EXPECT_NEAR(share, Golden().at("advantage/degenerate_prob").at("table").at(key).get<double>(), kTolerance);
    }
  }
}

TEST(CreditTest, ConstantGroupIsExactlyZeroUnderEveryEstimator) {
  for (const std::string& text :
       {std::string(), std::string("scale: SCALE_BATCH_STD"), std::string("estimator: ESTIMATOR_LEAVE_ONE_OUT"),
        std::string("estimator: ESTIMATOR_TOURNAMENT"), std::string("whiten_batch: true"),
        std::string("estimator: ESTIMATOR_GDPO")}) {
    for (const double reward : {0.3, 0.1, 1.0, 1e-300}) {
      std::vector<GroupFacts> groups = {Judged(std::vector<double>(7, reward)), Judged({0, 1, 0, 0.5, 1, 0, 0})};
      for (GroupFacts& group : groups) {
        for (SequenceFacts& sequence : group.sequences) sequence.verifier_scores = {sequence.reward, sequence.reward};
      }
      const std::vector<GroupCredit> credit = Credit(Spec(text), groups, {1, 2});
      EXPECT_EQ(Advantages(credit[0]), std::vector<double>(7, 0.0)) << text << " " << reward;
      EXPECT_TRUE(IsZeroSignal(credit[0]));
      EXPECT_FALSE(IsZeroSignal(credit[1])) << text;
    }
  }
}

TEST(CreditTest, SiblingWithoutVerdictGetsZeroAndLeavesTheOthersAsIfItWereNotThere) {
  for (const std::string& text : {std::string(), std::string("estimator: ESTIMATOR_LEAVE_ONE_OUT"),
                                  std::string("estimator: ESTIMATOR_TOURNAMENT"), std::string("whiten_batch: true"),
                                  std::string("scale: SCALE_BATCH_STD")}) {
    GroupFacts with = Judged({1, 0, std::numeric_limits<double>::quiet_NaN(), 0.25});
    with.sequences[2].has_verdict = false;
    const std::vector<double> found = Advantages(Credit(Spec(text), {with})[0]);
    const std::vector<double> expected = Advantages(Spec(text), {1, 0, 0.25});
    EXPECT_EQ(found, (std::vector<double>{expected[0], expected[1], 0.0, expected[2]})) << text;
  }
}

TEST(CreditTest, FewerThanTwoVerdictsGiveZeroThroughout) {
  GroupFacts group = Judged({1, 0, 0});
  group.sequences[1].has_verdict = group.sequences[2].has_verdict = false;
  EXPECT_EQ(Advantages(Credit(Spec(""), {group})[0]), std::vector<double>(3, 0.0));
  group.sequences[0].has_verdict = false;
  EXPECT_EQ(Advantages(Credit(Spec(""), {group})[0]), std::vector<double>(3, 0.0));
}

TEST(CreditTest, BatchScaleIsOneForTheStep) {
  const std::vector<GroupCredit> credit =
      Credit(WithoutEta("scale: SCALE_BATCH_STD"), {Judged({0, 1}), Judged({0, 3})});
  const double deviation = std::sqrt((0.25 + 0.25 + 2.25 + 2.25) / 3);
  ExpectNear(Advantages(credit[0]), {-0.5 / deviation, 0.5 / deviation});
  ExpectNear(Advantages(credit[1]), {-1.5 / deviation, 1.5 / deviation});
}

TEST(CreditTest, GdpoNormalizesEveryVerifierBeforeTheWeightedSum) {
  GroupFacts group = Judged({0, 0, 0});
  group.sequences[0].verifier_scores = {1, 100};
  group.sequences[1].verifier_scores = {0, 100};
  group.sequences[2].verifier_scores = {0, 0};
  AdvantageSpec spec = WithoutEta("estimator: ESTIMATOR_GDPO whiten_batch: false");
  const double root = std::sqrt(3.0);
  // z-scores: (2, -1, -1) / sqrt 3 and (1, 1, -2) / sqrt 3, weights 1 and 2.
  ExpectNear(Advantages(Credit(spec, {group}, {1, 2})[0]), {4 / root, 1 / root, -5 / root});
  spec.set_whiten_batch(true);
  const double deviation = std::sqrt((16.0 + 1 + 25) / 3 / 2);
  ExpectNear(Advantages(Credit(spec, {group}, {1, 2})[0]),
             {4 / root / deviation, 1 / root / deviation, -5 / root / deviation});
}

TEST(CreditTest, ItemsHaveAnAdvantagePerPosition) {
  const AdvantageSpec spec = ResolvedSpec("rank_grpo", "advantage { item { num_items: 3 } }").advantage();
  GroupFacts group = Judged({0, 0, 0});
  group.sequences[0].item_hits = {0, 1, 0};
  group.sequences[1].item_hits = {0, 0, 1, 1};  // past N
  group.sequences[2].has_verdict = false;
  const GroupCredit credit = Credit(spec, {group})[0];
  const nlohmann::json& golden = Golden().at("rank_grpo/paper_rank-mean").at("item_advantages");
  ExpectNear(credit[0].item_advantages, golden[0].get<std::vector<double>>());
  ExpectNear(credit[1].item_advantages, golden[1].get<std::vector<double>>());
  EXPECT_TRUE(credit[2].item_advantages.empty());
  EXPECT_FALSE(IsZeroSignal(credit));
  EXPECT_TRUE(IsZeroSignal({credit[2]}));
}

TEST(CreditTest, NumberThatIsNotFiniteIsRefusedNamingGroupAndSibling) {
  GroupFacts group = Judged({0, std::numeric_limits<double>::infinity()});
  EXPECT_THAT(ComputeCredit(Spec(""), {}, std::vector<GroupFacts>{Judged({0, 1}), group}),
              StatusIs(absl::StatusCode::kInvalidArgument, "reward: not finite (inf), group 1 sibling 1"));
  group = Judged({0, 1});
  group.sequences[0].mean_behavior_logprob = std::nan("");
  EXPECT_THAT(
      ComputeCredit(Spec("unlikeliness { coefficient: 0.25 }"), {}, std::vector<GroupFacts>{group}),
      StatusIs(absl::StatusCode::kInvalidArgument, "mean_behavior_logprob: not finite (nan), group 0 sibling 0"));
  EXPECT_OK(ComputeCredit(Spec(""), {}, std::vector<GroupFacts>{group}));
}

TEST(CreditTest, VerifierScoresOfAnotherRubricAreRefused) {
  GroupFacts group = Judged({0, 1});
  group.sequences[0].verifier_scores = {1, 0};
  group.sequences[1].verifier_scores = {1};
  EXPECT_THAT(
      ComputeCredit(Spec("estimator: ESTIMATOR_GDPO"), std::vector<double>{1, 1}, std::vector<GroupFacts>{group}),
      StatusIs(absl::StatusCode::kInvalidArgument,
               "verifier_scores: 1 for a rubric of 2 verifiers, group 0 sibling 1"));
}

TEST(OverlongPenaltyTest, MatchesGolden) {
  cohort::v1::OverlongPenaltySpec spec;
  spec.set_max_tokens(20480);
  spec.set_buffer_tokens(4096);
  for (const auto& [num_tokens, penalty] : Golden().at("dapo/overlong").at("table").items()) {
    EXPECT_EQ(OverlongPenalty(spec, std::stoll(num_tokens)), penalty.get<double>()) << num_tokens;
  }
  EXPECT_EQ(OverlongPenalty(cohort::v1::OverlongPenaltySpec(), 1'000'000), 0);
}

TEST(OverlongPenaltyTest, LowersTheRewardBeforeTheGroupIsCompared) {
  GroupFacts group = Judged({1, 1});
  group.sequences[0].num_tokens = 10;
  group.sequences[1].num_tokens = 20;
  const AdvantageSpec spec = Spec("scale: SCALE_NONE overlong_penalty { max_tokens: 20 buffer_tokens: 5 }");
  ExpectNear(Advantages(Credit(spec, {group})[0]), {0.5, -0.5});
}

GroupFacts UnlikelinessGroup() {
  const nlohmann::json& record = Golden().at("unlikeliness");
  GroupFacts group = Judged(record.at("reward").get<std::vector<double>>());
  for (size_t i = 0; i < group.sequences.size(); ++i) {
    group.sequences[i].mean_behavior_logprob = record.at("mean_old_logp")[i].get<double>();
  }
  return group;
}

TEST(UnlikelinessTest, MatchesGolden) {
  const nlohmann::json& record = Golden().at("unlikeliness");
  EXPECT_EQ(AscendingRanks(record.at("mean_old_logp").get<std::vector<double>>(), std::vector<uint8_t>(4, 1)),
            record.at("ascending_rank").get<std::vector<int64_t>>());
  cohort::v1::UnlikelinessSpec unlikeliness;
  unlikeliness.set_coefficient(0.25);
  std::vector<double> rewards = record.at("reward");
  ApplyUnlikeliness(unlikeliness, UnlikelinessGroup(), &rewards);
  ExpectNear(rewards, record.at("adjusted").get<std::vector<double>>());
  ExpectNear(Advantages(Credit(Spec("unlikeliness { coefficient: 0.25 }"), {UnlikelinessGroup()})[0]),
             record.at("adv").get<std::vector<double>>());
  ExpectNear(Advantages(Credit(Spec(""), {UnlikelinessGroup()})[0]), record.at("adv_plain").get<std::vector<double>>());
}

TEST(UnlikelinessTest, PaperReadingRanksCorrectAnswersOnly) {
  cohort::v1::UnlikelinessSpec unlikeliness;
  unlikeliness.set_coefficient(0.25);
  unlikeliness.set_among_correct(true);
  std::vector<double> rewards = {1, 1, 0, 1};
  ApplyUnlikeliness(unlikeliness, UnlikelinessGroup(), &rewards);
  // Log-probs -0.2, -0.8, (-0.35), -1.5: ranks 2, 1, none, 0 of 4.
  ExpectNear(rewards, {1 - 0.25 * 2 / 4, 1 - 0.25 * 1 / 4, 0, 1});
}

void CheckTournament(const std::string& name, const std::vector<double>& strengths) {
  const nlohmann::json& record = Golden().at(name);
  const TournamentOutcome outcome = PlayTournament(strengths);
  EXPECT_EQ(outcome.seed_order, record.at("seed_order").get<std::vector<int64_t>>());
  EXPECT_EQ(BracketSlots(8), record.at("bracket_slots").get<std::vector<int64_t>>());
  EXPECT_EQ(outcome.initial_bracket, record.at("initial_bracket").get<std::vector<int64_t>>());
  EXPECT_EQ(outcome.eliminated, record.at("eliminated").get<std::vector<std::vector<int64_t>>>());
  EXPECT_EQ(outcome.final_order, record.at("final_rank").get<std::vector<int64_t>>());
  EXPECT_EQ(outcome.num_matches, record.at("matches").get<int64_t>());
  ExpectNear(TournamentRewards(strengths), record.at("reward").get<std::vector<double>>());
  ExpectNear(Advantages(Spec("estimator: ESTIMATOR_TOURNAMENT"), strengths),
             record.at("advantage").get<std::vector<double>>());
}

TEST(TournamentTest, EightPlayersMatchGolden) {
  CheckTournament("arenarl/n8", Golden().at("arenarl/n8").at("strength").get<std::vector<double>>());
}

TEST(TournamentTest, SixPlayersMatchGolden) { CheckTournament("arenarl/n6", {5, 9, 3, 7, 8, 1}); }

TEST(TournamentTest, EverySizeRanksEveryPlayerOnceAndTheBestFirst) {
  for (int64_t n = 1; n <= 17; ++n) {
    std::vector<double> strengths;
    for (int64_t i = 0; i < n; ++i) strengths.push_back(static_cast<double>((i * 7 + 3) % n));
    const TournamentOutcome outcome = PlayTournament(strengths);
    std::vector<int64_t> sorted = outcome.final_order;
    std::sort(sorted.begin(), sorted.end());
    for (int64_t i = 0; i < n; ++i) EXPECT_EQ(sorted[i], i) << n;
    EXPECT_EQ(strengths[outcome.final_order[0]], *std::max_element(strengths.begin(), strengths.end())) << n;
    EXPECT_EQ(outcome.num_matches, n == 1 ? 0 : 2 * n - 2);
  }
  EXPECT_TRUE(PlayTournament({}).final_order.empty());
}

cohort::v1::ItemAdvantageSpec ItemSpec(const std::string& text) {
  return ResolvedSpec("rank_grpo", "advantage { item { num_items: 5 " + text + " } }").advantage().item();
}

TEST(ItemRewardsTest, EveryAccumulationMatchesGolden) {
  const nlohmann::json& record = Golden().at("rank/rewards");
  const std::vector<double> hits = record.at("hits");
  ExpectNear(ItemRewards(ItemSpec(""), hits), record.at("exp_inf").get<std::vector<double>>());
  ExpectNear(ItemRewards(ItemSpec("accumulation: ACCUMULATION_LOG_DECAY"), hits),
             record.at("log_decay").get<std::vector<double>>());
  ExpectNear(ItemRewards(ItemSpec("accumulation: ACCUMULATION_EXP_GAMMA gamma: 2"), hits),
             record.at("exp_2").get<std::vector<double>>());
  ExpectNear(ItemRewards(ItemSpec("accumulation: ACCUMULATION_EXP_GAMMA gamma: 1"), hits),
             record.at("exp_1").get<std::vector<double>>());
  for (size_t j = 0; j < 5; ++j) {
    std::vector<double> one_hit(5, 0.0);
    one_hit[j] = 1;
    EXPECT_NEAR(ItemRewards(ItemSpec("accumulation: ACCUMULATION_LOG_DECAY"), one_hit)[j],
                record.at("discounts")[j].get<double>(), kTolerance);
  }
}

TEST(ItemRewardsTest, ShortListsHaveNoRewardPastTheirEndAndLongOnesNonePastN) {
  ExpectNear(ItemRewards(ItemSpec(""), std::vector<double>{1}), {1, 0, 0, 0, 0});
  ExpectNear(ItemRewards(ItemSpec("accumulation: ACCUMULATION_LOG_DECAY"), std::vector<double>{0, 0, 0, 0, 0, 1, 1}),
             {0, 0, 0, 0, 0});
}

}  // namespace
}  // namespace cohort::objective
