// SPDX-License-Identifier: Apache-2.0
#include "cli/job_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/fake_job_service.h"
#include "common/field_error.h"

namespace cohort::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kName[] = "namespaces/default/jobs/demo";

cohort::v1::JobEvent StepEvent(int64_t sequence) {
  cohort::v1::JobEvent event;
  event.set_sequence(sequence);
  event.mutable_step()->set_policy_version(sequence);
  return event;
}

TEST(JobClientTest, UnavailableIsTriedAgain) {
  FakeJobService service;
  cohort::v1::Job job;
  job.set_name(kName);
  service.SetJob(job);
  service.FailGets(2);
  JobClient client(service.Address(), absl::Seconds(20));
  const auto got = client.Get(kName);
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->name(), kName);
}

TEST(JobClientTest, FieldPathOfARefusalSurvives) {
  FakeJobService service;
  service.RefuseCreation(common::InvalidField("rlvr.rollout.group_size", "1", "must be at least 2"));
  JobClient client(service.Address(), absl::Seconds(20));
  const auto job = client.Create({});
  EXPECT_EQ(job.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(job.status().message()), HasSubstr("rlvr.rollout.group_size"));
}

// How a stream may end while its server restarts.
class BrokenStreamTest : public ::testing::TestWithParam<absl::Status> {};

TEST_P(BrokenStreamTest, WatchGoesOnWithoutRepeatingEvents) {
  FakeJobService service;
  cohort::v1::Job job;
  job.set_name(kName);
  job.set_state(cohort::v1::JOB_STATE_RUNNING);
  service.SetJob(job);
  service.SetEvents(kName, {StepEvent(1), StepEvent(2), StepEvent(3), StepEvent(4), StepEvent(5)});
  service.BreakStreamsAfter(2, GetParam());
  JobClient client(service.Address(), absl::Seconds(20));
  std::vector<int64_t> seen;
  const absl::Status status = client.Watch(kName, 1, absl::Seconds(20), [&](const cohort::v1::JobEvent& event) {
    seen.push_back(event.sequence());
    if (event.sequence() < 5) return;
    job.set_state(cohort::v1::JOB_STATE_SUCCEEDED);
    service.SetJob(job);
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(seen, ElementsAre(2, 3, 4, 5));
}

INSTANTIATE_TEST_SUITE_P(All, BrokenStreamTest,
                         ::testing::Values(absl::UnavailableError("gone"), absl::CancelledError("draining"),
                                           absl::OkStatus()));

TEST(JobClientTest, WatchOfAnUnknownJobIsNotFound) {
  FakeJobService service;
  JobClient client(service.Address(), absl::Seconds(20));
  const absl::Status status = client.Watch(kName, 0, absl::Seconds(20), [](const cohort::v1::JobEvent&) {});
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
}

TEST(JobClientTest, CancelCallsEndsAWatchInProgress) {
  FakeJobService service;
  service.SetEvents(kName, {StepEvent(1), StepEvent(2)});
  service.BreakStreamsAfter(1, absl::UnavailableError("gone"));  // the watch would go on for as long as its patience
  JobClient client(service.Address(), absl::Seconds(20));
  const absl::Status status =
      client.Watch(kName, 0, absl::Hours(1), [&](const cohort::v1::JobEvent&) { client.CancelCalls(); });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(client.Get(kName).status().code(), absl::StatusCode::kCancelled);
}

TEST(JobClientTest, FullNamesAreKeptAndIdsCompleted) {
  EXPECT_EQ(JobName("team", "demo"), "namespaces/team/jobs/demo");
  EXPECT_EQ(JobName("team", "namespaces/other/jobs/demo"), "namespaces/other/jobs/demo");
  EXPECT_EQ(JobId("namespaces/other/jobs/demo"), "demo");
}

}  // namespace
}  // namespace cohort::cli
