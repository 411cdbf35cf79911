// SPDX-License-Identifier: Apache-2.0
#include "coordinator/namespace_limits.h"

#include <gmock/gmock.h>

#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::HasSubstr;

cohort::v1::JobSpec SpecWithRanks(int32_t world_size) {
  cohort::v1::JobSpec spec;
  spec.mutable_training()->set_world_size(world_size);
  return spec;
}

TEST(NamespaceLimitsTest, NoLimitRefusesNothing) { EXPECT_OK(CheckLimits({}, "a", 1000000, SpecWithRanks(1000000))); }

TEST(NamespaceLimitsTest, OneJobMoreThanTheNamespaceMayHaveIsRefusedByTheNameOfTheLimit) {
  EXPECT_OK(CheckLimits({.max_jobs = 2}, "team-a", 1, SpecWithRanks(1)));
  const absl::Status refused = CheckLimits({.max_jobs = 2}, "team-a", 2, SpecWithRanks(1));
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("max_jobs_per_namespace")));
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("team-a")));
}

TEST(NamespaceLimitsTest, JobThatNeedsMoreRanksThanTheNamespaceMayHoldIsRefused) {
  EXPECT_OK(CheckLimits({.max_ranks = 4}, "a", 100, SpecWithRanks(4)));
  EXPECT_THAT(CheckLimits({.max_ranks = 4}, "a", 0, SpecWithRanks(5)),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("max_ranks_per_namespace, 4")));
}

}  // namespace
}  // namespace cohort::coordinator
