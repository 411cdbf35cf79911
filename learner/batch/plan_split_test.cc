// SPDX-License-Identifier: Apache-2.0
#include "learner/batch/plan_split.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace cohort::learner {
namespace {

TEST(PlanSplitTest, UpdatesCoverThePlanOnceAndEvenly) {
  for (int64_t num_groups : {1, 2, 7, 32}) {
    for (int64_t num_updates : {1, 2, 3, 5}) {
      int64_t next = 0;
      for (int64_t update = 0; update < num_updates; ++update) {
        const GroupRange range = GroupsOfUpdate(num_groups, update, num_updates);
        EXPECT_EQ(range.begin, next);
        EXPECT_LE(range.end - range.begin, num_groups / num_updates + 1);
        next = range.end;
      }
      EXPECT_EQ(next, num_groups);
    }
  }
}

TEST(PlanSplitTest, GroupBelongsToTheRankOfItsIndexModuloTheWorld) {
  EXPECT_EQ(GroupsOfRank({.begin = 3, .end = 9}, /*rank=*/0, /*world_size=*/2), (std::vector<int64_t>{4, 6, 8}));
  EXPECT_EQ(GroupsOfRank({.begin = 3, .end = 9}, /*rank=*/1, /*world_size=*/2), (std::vector<int64_t>{3, 5, 7}));
  EXPECT_EQ(GroupsOfRank({.begin = 0, .end = 1}, /*rank=*/1, /*world_size=*/2), std::vector<int64_t>{});
}

}  // namespace
}  // namespace cohort::learner
