// SPDX-License-Identifier: Apache-2.0
#include "coordinator/resource_meter.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/time_util.h>

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using google::protobuf::util::TimeUtil;
using ::testing::HasSubstr;
using ::testing::Optional;

TEST(ResourceMeterTest, EachIntervalIsChargedWithWhatWasHeldInIt) {
  ResourceMeter meter({}, absl::Seconds(100));
  meter.Charge({}, absl::Seconds(110));
  EXPECT_EQ(meter.use().device_seconds(), 0);
  meter.Charge({.num_ranks = 2, .num_workers = 3, .is_running = true}, absl::Seconds(114));
  meter.Charge({.num_ranks = 2, .is_running = false}, absl::Milliseconds(114500));
  EXPECT_DOUBLE_EQ(meter.use().device_seconds(), 4 * 5 + 0.5 * 2);
  EXPECT_EQ(TimeUtil::DurationToSeconds(meter.use().wall_time()), 4) << "only what was spent in RUNNING";
}

TEST(ResourceMeterTest, GoesOnFromWhatWasStoredAndForgetsNoFraction) {
  cohort::v1::ResourceUse stored;
  stored.set_tokens(7);
  stored.set_device_seconds(1.5);
  *stored.mutable_wall_time() = TimeUtil::SecondsToDuration(9);
  ResourceMeter meter(stored, absl::Seconds(5000));
  for (int i = 1; i <= 10; ++i) {
    meter.Charge({.num_ranks = 1, .is_running = true}, absl::Seconds(5000) + i * absl::Milliseconds(100));
  }
  meter.AddTokens(3);
  EXPECT_EQ(meter.use().tokens(), 10);
  EXPECT_NEAR(meter.use().device_seconds(), 2.5, 1e-9);
  EXPECT_EQ(TimeUtil::DurationToNanoseconds(meter.use().wall_time()), int64_t{10} * 1000000000);
}

TEST(ResourceMeterTest, BudgetNamesWhatIsSpentAndCountsFromTheLastResume) {
  cohort::v1::BudgetSpec budget;
  cohort::v1::ResourceUse use;
  cohort::v1::ResourceUse at_resume;
  use.set_device_seconds(1e12);
  use.set_tokens(int64_t{1} << 60);
  *use.mutable_wall_time() = TimeUtil::SecondsToDuration(1 << 30);
  EXPECT_EQ(SpentBudget(budget, use, at_resume), std::nullopt) << "no limit";

  use.set_device_seconds(99);
  budget.set_device_seconds(100);
  EXPECT_EQ(SpentBudget(budget, use, at_resume), std::nullopt);
  use.set_device_seconds(100);
  EXPECT_THAT(SpentBudget(budget, use, at_resume), Optional(HasSubstr("budget.device_seconds is spent (100 of 100)")));
  at_resume = use;
  EXPECT_EQ(SpentBudget(budget, use, at_resume), std::nullopt);

  budget.set_tokens(10);
  use.set_tokens(at_resume.tokens() + 10);
  EXPECT_THAT(SpentBudget(budget, use, at_resume), Optional(HasSubstr("budget.tokens is spent (10 of 10)")));
  at_resume = use;
  *budget.mutable_wall_time() = TimeUtil::SecondsToDuration(60);
  *use.mutable_wall_time() = at_resume.wall_time() + TimeUtil::SecondsToDuration(61);
  EXPECT_THAT(SpentBudget(budget, use, at_resume), Optional(HasSubstr("budget.wall_time is spent (1m1s of 1m)")));
}

}  // namespace
}  // namespace cohort::coordinator
