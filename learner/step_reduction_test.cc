// SPDX-License-Identifier: Apache-2.0
#include "learner/step_reduction.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/testing/status_matchers.h"
#include "learner/testing/fake_process_group.h"

namespace cohort::learner {
namespace {

TEST(StepReductionTest, EveryRankGetsTheTotalsOfAll) {
  RunRanks(3, [](model::ProcessGroup* group) {
    StepTotals totals;
    totals.Add("count_tokens", 10.0 * (group->rank() + 1));
    totals.Add("min_ratio", 0.5 + group->rank());
    std::vector<double> timings(3, 0.0);
    timings[static_cast<size_t>(group->rank())] = 1.5 + group->rank();
    ASSERT_OK(ReduceOverRanks(group, at::kCPU, std::string(32, 'x'), &totals, &timings));
    EXPECT_EQ(totals.Get("count_tokens"), 60);
    EXPECT_EQ(totals.Get("min_ratio"), 0.5);
    EXPECT_EQ(timings, (std::vector<double>{1.5, 2.5, 3.5}));
  });
}

TEST(StepReductionTest, RanksWithOtherWeightsStopEveryRank) {
  RunRanks(2, [](model::ProcessGroup* group) {
    StepTotals totals;
    std::string digest(32, 'x');
    if (group->rank() == 1) digest[0] = 'y';
    std::vector<double> timings;
    EXPECT_THAT(ReduceOverRanks(group, at::kCPU, digest, &totals, &timings),
                common::StatusIs(absl::StatusCode::kDataLoss, ::testing::HasSubstr("weights differ between ranks")));
  });
}

}  // namespace
}  // namespace cohort::learner
