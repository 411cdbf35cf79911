// SPDX-License-Identifier: Apache-2.0
#include "coordinator/group_times.h"

#include <gtest/gtest.h>

#include <functional>

#include "common/config/proto_time.h"
#include "common/testing/simulated_clock.h"

namespace cohort::coordinator {
namespace {

// Claimed at second 100 of the worker's clock, and a second for everything that follows.
cohort::v1::RolloutGroup GroupOfWorker() {
  cohort::v1::RolloutGroup group;
  cohort::v1::GroupTimings& timings = *group.mutable_timings();
  timings.mutable_claimed_time()->set_seconds(100);
  timings.mutable_sampling_begin_time()->set_seconds(101);
  timings.mutable_sampling_end_time()->set_seconds(102);
  timings.mutable_scoring_begin_time()->set_seconds(103);
  timings.mutable_scoring_end_time()->set_seconds(104);
  cohort::v1::WeightFetch& fetch = *timings.mutable_fetch();
  fetch.set_policy_version(3);
  fetch.mutable_begin_time()->set_seconds(100);
  fetch.mutable_end_time()->set_seconds(101);
  return group;
}

TEST(GroupTimesTest, TimesOfTheCoordinatorAreMeasuredBackFromTheArrival) {
  common::SimulatedClock clock;
  const absl::Duration admitted = clock.Monotonic();
  clock.Advance(absl::Seconds(2));
  const absl::Duration leased = clock.Monotonic();
  clock.SetWallClock(-absl::Hours(1));
  clock.Advance(absl::Seconds(3));
  cohort::v1::RolloutGroup group = GroupOfWorker();
  AddGroupTimes({.now = common::TimeAnchor(&clock), .admitted = admitted, .leased = leased}, &group);
  const cohort::v1::GroupTimings& timings = group.timings();
  EXPECT_EQ(common::FromProtoTimestamp(timings.accepted_time()), clock.Now());
  EXPECT_EQ(common::FromProtoTimestamp(timings.leased_time()), clock.Now() - absl::Seconds(3));
  EXPECT_EQ(common::FromProtoTimestamp(timings.admitted_time()), clock.Now() - absl::Seconds(5));
  EXPECT_EQ(timings.claimed_time().seconds(), 100);
  EXPECT_EQ(timings.fetch().policy_version(), 3);
}

TEST(GroupTimesTest, WhatIsNotKnownIsAbsentWhateverTheWorkerSays) {
  common::SimulatedClock clock;
  cohort::v1::RolloutGroup group = GroupOfWorker();
  group.mutable_timings()->mutable_admitted_time()->set_seconds(5);
  group.mutable_timings()->mutable_leased_time()->set_seconds(5);
  AddGroupTimes({.now = common::TimeAnchor(&clock)}, &group);
  EXPECT_FALSE(group.timings().has_admitted_time());
  EXPECT_FALSE(group.timings().has_leased_time());
  EXPECT_TRUE(group.timings().has_claimed_time());
}

TEST(GroupTimesTest, TimesThatCannotBeAreTakenOut) {
  using Timings = cohort::v1::GroupTimings;
  const std::function<void(Timings*)> faults[] = {
      [](Timings* t) { t->clear_claimed_time(); },
      [](Timings* t) { t->mutable_sampling_end_time()->set_seconds(100); },
      [](Timings* t) { t->mutable_scoring_begin_time()->set_seconds(101); },
      [](Timings* t) { t->clear_scoring_end_time(); },
      [](Timings* t) { t->clear_sampling_begin_time(); },
      [](Timings* t) { t->mutable_scoring_end_time()->set_seconds(int64_t{1} << 60); },
      [](Timings* t) { t->mutable_claimed_time()->set_nanos(-1); },
      [](Timings* t) { t->mutable_fetch()->mutable_end_time()->set_seconds(99); },
      [](Timings* t) { t->mutable_fetch()->clear_begin_time(); },
      [](Timings* t) { t->mutable_fetch()->set_num_bytes(-1); },
  };
  common::SimulatedClock clock;
  for (const auto& fault : faults) {
    cohort::v1::RolloutGroup group = GroupOfWorker();
    fault(group.mutable_timings());
    AddGroupTimes({.now = common::TimeAnchor(&clock)}, &group);
    EXPECT_FALSE(group.timings().has_claimed_time()) << group.timings().DebugString();
    EXPECT_FALSE(group.timings().has_fetch());
    EXPECT_TRUE(group.timings().has_accepted_time());
  }
}

TEST(GroupTimesTest, AGroupThatWasNotSampledHasNoTimesOfSampling) {
  common::SimulatedClock clock;
  cohort::v1::RolloutGroup group = GroupOfWorker();
  group.mutable_timings()->clear_sampling_begin_time();
  group.mutable_timings()->clear_sampling_end_time();
  AddGroupTimes({.now = common::TimeAnchor(&clock)}, &group);
  EXPECT_TRUE(group.timings().has_scoring_end_time());
}

}  // namespace
}  // namespace cohort::coordinator
