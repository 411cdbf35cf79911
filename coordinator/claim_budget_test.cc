// SPDX-License-Identifier: Apache-2.0
#include "coordinator/claim_budget.h"

#include <gtest/gtest.h>

namespace cohort::coordinator {
namespace {

TEST(ClaimBudgetTest, NoMoreGroupsAreAskedForThanAnAnswerHolds) {
  ClaimBudget budget{.num_groups = 1'000'000};
  EXPECT_EQ(budget.MaxGroups(), (7 << 19) / 256) << "of nothing but framing";
  EXPECT_TRUE(budget.Take((7 << 19) - 3 * 256));
  EXPECT_EQ(budget.MaxGroups(), 2);
  EXPECT_TRUE(budget.Take(1));
  EXPECT_EQ(budget.MaxGroups(), 1);
  EXPECT_FALSE(budget.Take(256)) << "255 bytes are left";
  EXPECT_TRUE(budget.Take(255));
  EXPECT_EQ(budget.MaxGroups(), 0);
}

TEST(ClaimBudgetTest, FirstGroupIsAllowedHoweverLargeItIsAndNoOtherAfterIt) {
  ClaimBudget budget{.num_groups = 3};
  EXPECT_EQ(budget.MaxGroups(), 3);
  EXPECT_TRUE(budget.Take(int64_t{100} << 20));
  EXPECT_EQ(budget.MaxGroups(), 0);
}

TEST(ClaimBudgetTest, WorkerGetsNoMoreThanItAsksFor) {
  ClaimBudget budget{.num_groups = 1};
  EXPECT_TRUE(budget.Take(1));
  EXPECT_EQ(budget.MaxGroups(), 0);
}

}  // namespace
}  // namespace cohort::coordinator
