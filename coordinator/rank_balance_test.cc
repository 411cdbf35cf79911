// SPDX-License-Identifier: Apache-2.0
#include "coordinator/rank_balance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace cohort::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAreArray;

// Groups 0, 1, ... of one sequence each.
cohort::v1::StepPlan PlanOf(const std::vector<int>& tokens) {
  cohort::v1::StepPlan plan;
  plan.set_version(7);
  for (size_t i = 0; i < tokens.size(); ++i) {
    cohort::v1::PlannedGroup* group = plan.add_groups();
    group->set_group_id(static_cast<int64_t>(i));
    group->set_prompt_tokens(1);
    group->add_completion_tokens(tokens[i] - 1);
  }
  return plan;
}

std::vector<int64_t> Balanced(const std::vector<int>& tokens, const PlanShape& shape) {
  cohort::v1::StepPlan plan = PlanOf(tokens);
  BalanceOverRanks(shape, &plan);
  EXPECT_EQ(plan.version(), 7);
  std::vector<int64_t> ids;
  for (const cohort::v1::PlannedGroup& group : plan.groups()) {
    ids.push_back(group.group_id());
    EXPECT_EQ(group.prompt_tokens() + group.completion_tokens(0), tokens[group.group_id()]);
  }
  return ids;
}

TEST(RankBalanceTest, LongGroupsGoToDifferentRanks) {
  // Without: 900 + 800 on rank 0 and 100 + 200 on rank 1.
  EXPECT_THAT(Balanced({900, 100, 800, 200}, {.world_size = 2}), ElementsAre(0, 2, 1, 3));
}

TEST(RankBalanceTest, OneRankAndEqualCostsKeepTheOrder) {
  EXPECT_THAT(Balanced({5, 9, 1}, {.world_size = 1}), ElementsAre(0, 1, 2));
  EXPECT_THAT(Balanced({5, 5, 5, 5, 5, 5, 5}, {.world_size = 3, .updates_per_step = 3}),
              ElementsAre(0, 1, 2, 3, 4, 5, 6));
  EXPECT_TRUE(Balanced({}, {.world_size = 2}).empty());
}

// One sequence of 8,000 tokens costs more than four of 2,000.
TEST(RankBalanceTest, AttentionCountsQuadratically) {
  EXPECT_GT(PassCost(PlanOf({8000}).groups(0)), 4 * PassCost(PlanOf({2000}).groups(0)));
  cohort::v1::PlannedGroup siblings;
  siblings.set_prompt_tokens(1000);
  for (int i = 0; i < 4; ++i) siblings.add_completion_tokens(1000);
  EXPECT_DOUBLE_EQ(PassCost(siblings), 4 * PassCost(PlanOf({2000}).groups(0)));
}

TEST(RankBalanceTest, EveryUpdateKeepsItsGroupsAndRanksTheirNumberOfThem) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<int> tokens(1 + random() % 20);
    for (int& count : tokens) count = static_cast<int>(2 + random() % 5000);
    const PlanShape shape = {.world_size = static_cast<int32_t>(1 + random() % 5),
                             .updates_per_step = static_cast<int64_t>(1 + random() % 4)};
    const std::vector<int64_t> ids = Balanced(tokens, shape);
    ASSERT_EQ(ids.size(), tokens.size());
    const int64_t num_groups = static_cast<int64_t>(ids.size());
    const int64_t num_updates = std::min(shape.updates_per_step, num_groups);
    for (int64_t update = 0; update < num_updates; ++update) {
      const int64_t begin = update * num_groups / num_updates, end = (update + 1) * num_groups / num_updates;
      std::vector<int64_t> expected;
      for (int64_t id = begin; id < end; ++id) expected.push_back(id);
      EXPECT_THAT(std::vector<int64_t>(ids.begin() + begin, ids.begin() + end), UnorderedElementsAreArray(expected));
    }
  }
}

// Log-normal lengths as rollouts have them: the dearest rank is near the mean, where the order of ids is far from it.
TEST(RankBalanceTest, RaggedGroupsAreSpreadWithinTwoPercent) {
  std::mt19937 random(2);
  std::lognormal_distribution<double> lengths(6, 0.8);
  std::vector<int> tokens(64);
  for (int& count : tokens) count = std::max(2, static_cast<int>(lengths(random)));
  const auto imbalance = [&](const std::vector<int64_t>& ids) {
    std::vector<double> load(4);
    double total = 0;
    for (size_t i = 0; i < ids.size(); ++i) {
      const double cost = PassCost(PlanOf({tokens[ids[i]]}).groups(0));
      load[i % 4] += cost;
      total += cost;
    }
    return *std::max_element(load.begin(), load.end()) * 4 / total;
  };
  std::vector<int64_t> by_id(64);
  for (int64_t i = 0; i < 64; ++i) by_id[i] = i;
  EXPECT_GT(imbalance(by_id), 1.2);
  EXPECT_LT(imbalance(Balanced(tokens, {.world_size = 4})), 1.02);
}

}  // namespace
}  // namespace cohort::coordinator
