// SPDX-License-Identifier: Apache-2.0
#include "learner/number_reduction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "common/testing/status_matchers.h"
#include "learner/testing/fake_process_group.h"

namespace cohort::learner {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(NumberReductionTest, SumsAreAddedAndMaximaCompared) {
  RunRanks(3, [](model::ProcessGroup* group) {
    std::vector<double> sums = {1.0 + group->rank(), 0.5};
    std::vector<double> maxima = {-2.0 - group->rank(), 10.0 * group->rank()};
    ASSERT_OK(ReduceNumbers(group, at::kCPU, &sums, &maxima));
    EXPECT_THAT(sums, ElementsAre(6, 1.5));
    EXPECT_THAT(maxima, ElementsAre(-2, 20));
  });
}

TEST(NumberReductionTest, ListWithoutNumbersStaysEmpty) {
  RunRanks(2, [](model::ProcessGroup* group) {
    std::vector<double> sums, maxima = {1.0 * group->rank()};
    ASSERT_OK(ReduceNumbers(group, at::kCPU, &sums, &maxima));
    EXPECT_THAT(sums, IsEmpty());
    EXPECT_THAT(maxima, ElementsAre(1));
    std::vector<double> others;
    ASSERT_OK(ReduceNumbers(group, at::kCPU, &maxima, &others));
    EXPECT_THAT(maxima, ElementsAre(2));
  });
}

TEST(NumberReductionTest, EveryRankLearnsWhichRanksSayYes) {
  RunRanks(3, [](model::ProcessGroup* group) {
    ASSERT_OK_AND_ASSIGN(const std::vector<int> ranks, RanksThat(group->rank() != 1, group, at::kCPU));
    EXPECT_THAT(ranks, ElementsAre(0, 2));
    ASSERT_OK_AND_ASSIGN(const std::vector<int> none, RanksThat(false, group, at::kCPU));
    EXPECT_THAT(none, IsEmpty());
  });
}

}  // namespace
}  // namespace cohort::learner
