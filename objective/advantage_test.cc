// SPDX-License-Identifier: Apache-2.0
#include "objective/advantage.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "objective/testing/golden.h"

namespace cohort::objective {
namespace {

constexpr double kTolerance = 1e-12;

GroupRewards Judged(const std::vector<double>& rewards) {
  return {.rewards = rewards, .has_verdict = std::vector<bool>(rewards.size(), true)};
}

void ExpectNear(const std::vector<double>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], kTolerance) << i;
}

TEST(AdvantageTest, UnbiasedScoresMatchGoldenForBothEpsilons) {
  const std::vector<double> rewards = GoldenNumbers("advantage/rewards", "R");
  ExpectNear(ComputeGroupAdvantages(Judged(rewards), {.epsilon = 1e-6}).advantages,
             GoldenNumbers("advantage/grpo_unbiased_eps1e-6", "A"));
  ExpectNear(ComputeGroupAdvantages(Judged(rewards), {.epsilon = 1e-4}).advantages,
             GoldenNumbers("advantage/grpo_unbiased_eps1e-4", "A"));
}

TEST(AdvantageTest, WithoutScaleOnlyTheMeanIsTakenAway) {
  const std::vector<double> rewards = GoldenNumbers("advantage/rewards", "R");
  ExpectNear(ComputeGroupAdvantages(Judged(rewards), {.scale = cohort::v1::ADVANTAGE_SCALE_NONE}).advantages,
             GoldenNumbers("advantage/dr_grpo", "A"));
}

TEST(AdvantageTest, OneCorrectOfSixteenMatchesGolden) {
  std::vector<double> rewards(16, 0.0);
  rewards[0] = 1;
  const GroupAdvantages result = ComputeGroupAdvantages(Judged(rewards), {.epsilon = 0});
  EXPECT_NEAR(result.advantages[0], GoldenNumber("advantage/one_of_16_unbiased_eps0", "A0"), kTolerance);
}

// A sum of equal numbers need not divide back to the number: a vectorised fp32 form gives -0.0119 for 0.3.
TEST(AdvantageTest, ConstantGroupIsExactlyZero) {
  for (double reward : {0.3, 0.1, 1.0, 1e-300}) {
    const GroupAdvantages result = ComputeGroupAdvantages(Judged(std::vector<double>(7, reward)), {});
    EXPECT_EQ(result.advantages, std::vector<double>(7, 0.0)) << reward;
  }
}

TEST(AdvantageTest, SiblingWithoutVerdictGetsZeroAndLeavesTheOthersAsIfItWereNotThere) {
  const GroupAdvantages with =
      ComputeGroupAdvantages({.rewards = {1, 0, 77, 0}, .has_verdict = {true, true, false, true}}, {});
  const GroupAdvantages without = ComputeGroupAdvantages(Judged({1, 0, 0}), {});
  EXPECT_EQ(with.advantages,
            (std::vector<double>{without.advantages[0], without.advantages[1], 0.0, without.advantages[2]}));
}

TEST(AdvantageTest, FewerThanTwoVerdictsGiveZeroThroughout) {
  EXPECT_EQ(ComputeGroupAdvantages({.rewards = {1, 0, 0}, .has_verdict = {true, false, false}}, {}).advantages,
            std::vector<double>(3, 0.0));
  EXPECT_EQ(ComputeGroupAdvantages({.rewards = {1, 0}, .has_verdict = {false, false}}, {}).advantages,
            std::vector<double>(2, 0.0));
}

}  // namespace
}  // namespace cohort::objective
