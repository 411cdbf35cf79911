// SPDX-License-Identifier: Apache-2.0
#include "cli/lane_assignment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <utility>

namespace cohort::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TimeInterval Seconds(int64_t begin, int64_t end) { return {absl::FromUnixSeconds(begin), absl::FromUnixSeconds(end)}; }

TEST(LaneAssignmentTest, WhatDoesNotOverlapSharesTheLowestLane) {
  EXPECT_THAT(AssignLanes({}), IsEmpty());
  EXPECT_THAT(AssignLanes({Seconds(0, 4), Seconds(4, 6), Seconds(7, 9)}), ElementsAre(0, 0, 0));
  EXPECT_THAT(AssignLanes({Seconds(0, 4), Seconds(1, 2), Seconds(2, 3), Seconds(3, 9), Seconds(5, 6)}),
              ElementsAre(0, 1, 1, 1, 0));
}

TEST(LaneAssignmentTest, OrderOfTheListDoesNotMatter) {
  EXPECT_THAT(AssignLanes({Seconds(5, 6), Seconds(0, 9), Seconds(1, 4)}), ElementsAre(1, 0, 1));
}

TEST(LaneAssignmentTest, LanesNeverOverlapAndAreAsManyAsIntervalsAtOneMoment) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<TimeInterval> intervals;
    for (int i = 0; i < 60; ++i) {
      const int64_t begin = random() % 40;
      intervals.push_back(Seconds(begin, begin + 1 + random() % 10));
    }
    const std::vector<int> lanes = AssignLanes(intervals);
    int64_t most_at_once = 0;
    for (size_t i = 0; i < intervals.size(); ++i) {
      int64_t at_begin = 0;
      for (size_t j = 0; j < intervals.size(); ++j) {
        const bool overlap = intervals[i].begin < intervals[j].end && intervals[j].begin < intervals[i].end;
        EXPECT_FALSE(i != j && overlap && lanes[i] == lanes[j]) << i << " and " << j;
        at_begin += intervals[j].begin <= intervals[i].begin && intervals[i].begin < intervals[j].end;
      }
      most_at_once = std::max(most_at_once, at_begin);
    }
    EXPECT_EQ(*std::max_element(lanes.begin(), lanes.end()) + 1, most_at_once);
  }
}

TEST(LaneAssignmentTest, GapsAreWhereNothingIs) {
  const auto gaps = GapsBetween({Seconds(8, 9), Seconds(0, 5), Seconds(1, 2), Seconds(5, 6)});
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].begin, absl::FromUnixSeconds(6));
  EXPECT_EQ(gaps[0].end, absl::FromUnixSeconds(8));
  EXPECT_THAT(GapsBetween({}), IsEmpty());
}

}  // namespace
}  // namespace cohort::cli
