// SPDX-License-Identifier: Apache-2.0
#include "cli/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/timeline_records.h"
#include "common/config/proto_time.h"
#include "common/telemetry/trace_context.h"

namespace cohort::cli {
namespace {

using ::testing::ElementsAre;

constexpr char kJob[] = "namespaces/default/jobs/demo";

std::vector<const TimelineSpan*> SpansOf(const Timeline& timeline, const std::string& process,
                                         const std::string& track) {
  std::vector<const TimelineSpan*> spans;
  for (const TimelineSpan& span : timeline.spans) {
    if (span.process == process && span.track == track) spans.push_back(&span);
  }
  return spans;
}

std::vector<std::string> PartsOf(const TimelineSpan& span) {
  std::vector<std::string> names;
  for (const auto& [name, time] : span.parts) names.push_back(name);
  return names;
}

absl::Time At(double second) { return common::FromProtoTimestamp(Second(second)); }

// Seconds between two times, to the millisecond.
double Between(absl::Time a, absl::Time b) { return absl::ToInt64Milliseconds(b - a) / 1000.0; }

TEST(TimelineTest, AGroupIsFollowedFromItsClaimToTheRankThatTrainedIt) {
  const Timeline timeline =
      BuildTimeline(kJob, {TimedStep(0, {4, 7}, 10)}, {TimedGroup(4, "a", 0), TimedGroup(7, "b", 0)});
  ASSERT_EQ(timeline.flows.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    const TimelineFlow& flow = timeline.flows[i];
    EXPECT_EQ(flow.trace_id, common::TraceIdOf(kJob, "groups", i == 0 ? 4 : 7));
    ASSERT_EQ(flow.spans.size(), 3u);
    EXPECT_EQ(timeline.spans[flow.spans[0]].process, i == 0 ? "worker a" : "worker b");
    EXPECT_EQ(timeline.spans[flow.spans[1]].process, "coordinator");
    // The first group of the plan belongs to rank 0, the second to rank 1.
    EXPECT_EQ(timeline.spans[flow.spans[2]].process, i == 0 ? "rank 0" : "rank 1");
    EXPECT_EQ(timeline.spans[flow.spans[2]].name, "step 0");
    EXPECT_EQ(timeline.spans[flow.spans[0]].args["trace_id"].get<std::string>(), flow.trace_id);
    EXPECT_EQ(timeline.spans[flow.spans[1]].args["trace_id"].get<std::string>(), flow.trace_id);
  }
  EXPECT_EQ(timeline.num_groups, 2);
}

TEST(TimelineTest, PartsOfAGroupFollowEachOther) {
  const Timeline timeline = BuildTimeline(kJob, {TimedStep(0, {4}, 10)}, {TimedGroup(4, "a", 0)});
  const auto on_worker = SpansOf(timeline, "worker a", "groups");
  ASSERT_EQ(on_worker.size(), 1u);
  EXPECT_THAT(PartsOf(*on_worker[0]), ElementsAre("prepare", "sample", "wait for a judge", "score", "submit"));
  EXPECT_EQ(on_worker[0]->time.end, At(4));
  const auto on_coordinator = SpansOf(timeline, "coordinator", "groups");
  ASSERT_EQ(on_coordinator.size(), 1u);
  EXPECT_THAT(PartsOf(*on_coordinator[0]), ElementsAre("wait for a worker", "leased", "wait for its plan", "planned"));
  EXPECT_EQ(on_coordinator[0]->time.begin, At(0));
  EXPECT_EQ(on_coordinator[0]->time.end, At(15));
  for (const TimelineSpan* span : {on_worker[0], on_coordinator[0]}) {
    absl::Time last = span->time.begin;
    for (const auto& [name, time] : span->parts) {
      EXPECT_EQ(time.begin, last) << name;
      last = time.end;
    }
    EXPECT_EQ(last, span->time.end);
  }
}

TEST(TimelineTest, AWorkerThatIsAheadIsMovedIntoTheTimeOfTheCoordinator) {
  const Timeline timeline = BuildTimeline(kJob, {}, {TimedGroup(1, "a", 0, /*ahead=*/3600)});
  const auto spans = SpansOf(timeline, "worker a", "groups");
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_GE(spans[0]->time.begin, At(1)) << "not before the lease was granted";
  EXPECT_LE(spans[0]->parts.back().second.begin, At(4)) << "not after it was accepted";
  ASSERT_EQ(timeline.processes.size(), 2u);
  EXPECT_EQ(timeline.processes[1].name, "worker a");
  EXPECT_NEAR(absl::ToDoubleSeconds(timeline.processes[1].shift), -3600, 0.5);
  // 0.1 s on the way to the worker, 0.2 s on the way back.
  EXPECT_NEAR(absl::ToDoubleSeconds(timeline.processes[1].uncertainty), 0.3, 1e-3);
}

TEST(TimelineTest, IdleTimesAreSpansOfTheirOwn) {
  const Timeline timeline =
      BuildTimeline(kJob, {TimedStep(0, {1, 2}, 10)}, {TimedGroup(1, "a", 0), TimedGroup(2, "a", 7)});
  const auto idle = SpansOf(timeline, "worker a", "idle");
  ASSERT_EQ(idle.size(), 1u);
  EXPECT_EQ(idle[0]->name, "no group");
  EXPECT_EQ(Between(At(0), idle[0]->time.begin), 4.0);
  EXPECT_EQ(Between(At(0), idle[0]->time.end), 8.1);
  const auto steps = SpansOf(timeline, "rank 1", "step");
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0]->name, "wait");
  EXPECT_EQ(Between(steps[0]->time.begin, steps[0]->time.end), 2.1);
  EXPECT_EQ(steps[1]->name, "step 0");
  EXPECT_EQ(SpansOf(timeline, "rank 1", "forward").size(), 1u);
}

TEST(TimelineTest, AFetchIsShownWithItsVersion) {
  cohort::v1::StoredRollouts group = TimedGroup(1, "a", 0);
  cohort::v1::WeightFetch& fetch = *group.mutable_group()->mutable_timings()->mutable_fetch();
  fetch.set_policy_version(6);
  fetch.set_num_bytes(4096);
  *fetch.mutable_begin_time() = Second(1.1);
  *fetch.mutable_end_time() = Second(1.15);
  const Timeline timeline = BuildTimeline(kJob, {}, {group});
  const auto fetches = SpansOf(timeline, "worker a", "weights");
  ASSERT_EQ(fetches.size(), 1u);
  EXPECT_EQ(fetches[0]->name, "fetch version 6");
  EXPECT_EQ(fetches[0]->args["bytes"].get<int64_t>(), 4096);
}

TEST(TimelineTest, WhatIsNotKnownIsLeftOut) {
  cohort::v1::StoredRollouts without_times;
  without_times.mutable_group()->set_group_id(1);
  cohort::v1::StoredRollouts without_worker = TimedGroup(2, "a", 0);
  cohort::v1::GroupTimings accepted;
  *accepted.mutable_accepted_time() = Second(4);
  *without_worker.mutable_group()->mutable_timings() = accepted;
  cohort::v1::StepRecord without_plan = TimedStep(0, {2, 9}, 10);
  without_plan.mutable_step()->mutable_timings()->clear_planned_time();
  without_plan.mutable_step()->mutable_timings()->clear_ranks();
  const Timeline timeline = BuildTimeline(kJob, {without_plan}, {without_times, without_worker, without_worker});
  EXPECT_EQ(timeline.num_groups, 1) << "a group comes once";
  ASSERT_EQ(timeline.spans.size(), 1u);
  EXPECT_THAT(PartsOf(timeline.spans[0]), ElementsAre("wait for its commit"));
  EXPECT_TRUE(timeline.flows.empty());
}

}  // namespace
}  // namespace cohort::cli
