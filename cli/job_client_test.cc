// SPDX-License-Identifier: Apache-2.0
#include "cli/job_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "cli/fake_job_service.h"
#include "common/field_error.h"
#include "common/sha256.h"
#include "common/testing/temp_dir.h"

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
    if (event.sequence() < 5) return true;
    job.set_state(cohort::v1::JOB_STATE_SUCCEEDED);
    service.SetJob(job);
    return true;
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(seen, ElementsAre(2, 3, 4, 5));
}

TEST_P(BrokenStreamTest, FollowedLogsGoOnWithoutRepeatingLines) {
  FakeJobService service;
  cohort::v1::Job job;
  job.set_name(kName);
  job.set_state(cohort::v1::JOB_STATE_RUNNING);
  service.SetJob(job);
  std::vector<cohort::v1::LogLine> lines(5);
  for (int i = 0; i < 5; ++i) lines[i].set_sequence(10 + i);
  service.SetLogs(kName, lines);
  service.BreakStreamsAfter(2, GetParam());
  JobClient client(service.Address(), absl::Seconds(20));
  cohort::v1::WatchLogsRequest request;
  request.set_name(kName);
  request.set_follow(true);
  request.set_tail(100);
  request.mutable_since()->set_seconds(60);
  std::vector<int64_t> seen;
  const absl::Status status = client.WatchLogs(request, absl::Seconds(20), [&](const cohort::v1::LogLine& line) {
    seen.push_back(line.sequence());
    if (line.sequence() < 14) return true;
    job.set_state(cohort::v1::JOB_STATE_SUCCEEDED);
    service.SetJob(job);
    return true;
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(seen, ElementsAre(10, 11, 12, 13, 14));
  const auto requests = service.LogWatches();
  ASSERT_GT(requests.size(), 1u);
  EXPECT_EQ(requests[0].tail(), 100);
  EXPECT_EQ(requests[1].resume_token(), 11);
  EXPECT_EQ(requests[1].tail(), 0) << "the newest of what is new would leave lines out";
  EXPECT_FALSE(requests[1].has_since());
}

INSTANTIATE_TEST_SUITE_P(All, BrokenStreamTest,
                         ::testing::Values(absl::UnavailableError("gone"), absl::CancelledError("draining"),
                                           absl::OkStatus()));

TEST(JobClientTest, WatchOfAnUnknownJobIsNotFound) {
  FakeJobService service;
  JobClient client(service.Address(), absl::Seconds(20));
  const absl::Status status =
      client.Watch(kName, 0, absl::Seconds(20), [](const cohort::v1::JobEvent&) { return true; });
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
}

TEST(JobClientTest, LogsThatAreNotFollowedEndAndUnknownJobsAreNotFound) {
  FakeJobService service;
  cohort::v1::Job job;
  job.set_name(kName);
  service.SetJob(job);
  service.SetLogs(kName, std::vector<cohort::v1::LogLine>(2));
  JobClient client(service.Address(), absl::Seconds(20));
  cohort::v1::WatchLogsRequest request;
  request.set_name(kName);
  const auto ignore = [](const cohort::v1::LogLine&) { return true; };
  EXPECT_TRUE(client.WatchLogs(request, absl::Seconds(20), ignore).ok());
  request.set_name("namespaces/default/jobs/nobody");
  EXPECT_EQ(client.WatchLogs(request, absl::Seconds(20), ignore).code(), absl::StatusCode::kNotFound);
  request.set_follow(true);
  EXPECT_EQ(client.WatchLogs(request, absl::Seconds(20), ignore).code(), absl::StatusCode::kNotFound);
}

TEST(JobClientTest, CancelCallsEndsADownloadInProgress) {
  FakeJobService service;
  service.SetFiles({{"a", "12345"}}, /*chunk_bytes=*/1);
  service.ChangeDownloads([](cohort::v1::DownloadCheckpointResponse& part) { return part.has_listing(); });
  JobClient client(service.Address(), absl::Seconds(20));
  const auto request = [] { return cohort::v1::DownloadCheckpointRequest(); };
  const absl::Status status =
      client.Download(request, absl::Hours(1), [&](const cohort::v1::DownloadCheckpointResponse&) {
        client.CancelCalls();
        return absl::OkStatus();
      });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
}

TEST(JobClientTest, CancelCallsEndsAWatchInProgress) {
  FakeJobService service;
  service.SetEvents(kName, {StepEvent(1), StepEvent(2)});
  service.BreakStreamsAfter(1, absl::UnavailableError("gone"));  // the watch would go on for as long as its patience
  JobClient client(service.Address(), absl::Seconds(20));
  const absl::Status status = client.Watch(kName, 0, absl::Hours(1), [&](const cohort::v1::JobEvent&) {
    client.CancelCalls();
    return true;
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(client.Get(kName).status().code(), absl::StatusCode::kCancelled);
}

TEST(JobClientTest, WatchEndsWhenItsCallerHasSeenEnough) {
  FakeJobService service;
  service.SetEvents(kName, {StepEvent(1), StepEvent(2), StepEvent(3)});
  service.KeepStreamsOpen();
  JobClient client(service.Address(), absl::Seconds(20));
  int64_t last = 0;
  const absl::Status status = client.Watch(kName, 0, absl::Hours(1), [&](const cohort::v1::JobEvent& event) {
    last = event.sequence();
    return last < 2;
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(last, 2);
}

TEST(JobClientTest, RecentEventsAreTheNewestOnesWhetherTheStreamEndsOrNot) {
  FakeJobService service;
  service.SetEvents(kName, {StepEvent(1), StepEvent(2), StepEvent(3)});
  JobClient client(service.Address(), absl::Seconds(20));
  for (int i = 0; i < 2; ++i) {
    const auto events = client.RecentEvents(kName, 2);
    ASSERT_TRUE(events.ok()) << events.status();
    ASSERT_EQ(events->size(), 2u);
    EXPECT_EQ((*events)[0].sequence(), 2);
    EXPECT_EQ((*events)[1].sequence(), 3);
    service.KeepStreamsOpen();
  }
  EXPECT_EQ(client.RecentEvents("namespaces/default/jobs/nobody", 2).status().code(), absl::StatusCode::kNotFound);
}

// Uploads of a file of this size.
class UploadTest : public ::testing::TestWithParam<size_t> {};

TEST_P(UploadTest, ArrivesWholeInChunksThoughAnAnswerGetsLost) {
  const common::TempDir dir;
  std::string content(GetParam(), 'x');
  for (size_t i = 0; i < content.size(); i += 1000) content[i] = '\n';
  std::ofstream(dir.Join("rows.jsonl")) << content;
  FakeJobService service;
  service.LoseUploadAnswers(1);
  JobClient client(service.Address(), absl::Seconds(20));
  const auto response = client.Upload("namespaces/team", dir.Join("rows.jsonl"));
  ASSERT_TRUE(response.ok()) << response.status();
  const std::string sha256 = common::HexOf(common::Sha256Of(content));
  EXPECT_EQ(response->sha256(), sha256);
  EXPECT_TRUE(response->existed()) << "the first try had stored it";
  EXPECT_EQ(service.Uploads(), (std::map<std::string, std::string>{{sha256, content}}));
  for (const size_t bytes : service.ChunkBytes()) EXPECT_LE(bytes, size_t{1} << 20);
}

INSTANTIATE_TEST_SUITE_P(Sizes, UploadTest, ::testing::Values(0, 1, 1 << 20, (1 << 20) + 1, 5'000'000));

TEST(JobClientTest, UploadWhoseAnswersAllGetLostIsUnavailable) {
  const common::TempDir dir;
  std::ofstream(dir.Join("rows.jsonl")) << "{}\n";
  FakeJobService service;
  service.LoseUploadAnswers(100);
  JobClient client(service.Address(), absl::Seconds(20));
  EXPECT_EQ(client.Upload("", dir.Join("rows.jsonl")).status().code(), absl::StatusCode::kUnavailable);
}

TEST(JobClientTest, FullNamesAreKeptAndIdsCompleted) {
  EXPECT_EQ(JobName("team", "demo"), "namespaces/team/jobs/demo");
  EXPECT_EQ(JobName("team", "namespaces/other/jobs/demo"), "namespaces/other/jobs/demo");
  EXPECT_EQ(JobId("namespaces/other/jobs/demo"), "demo");
  EXPECT_EQ(NamespaceId("namespaces/other/jobs/demo"), "other");
}

}  // namespace
}  // namespace cohort::cli
