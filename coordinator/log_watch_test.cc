// SPDX-License-Identifier: Apache-2.0
#include "coordinator/log_watch.h"

#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/config/proto_time.h"
#include "common/testing/simulated_clock.h"
#include "common/testing/status_matchers.h"
#include "coordinator/in_memory_job_store.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr char kName[] = "namespaces/default/jobs/demo";

class LogWatchTest : public ::testing::Test {
 protected:
  void Create(cohort::v1::JobState state) {
    JobRecord record;
    record.job.set_name(kName);
    record.job.set_state(state);
    *record.job.mutable_end_time() = common::ToProtoTimestamp(clock_.Now());
    cohort::v1::JobEvent event;
    event.set_sequence(1);
    ASSERT_OK(store_->CreateJob(record, event));
  }
  // `count` lines of worker w at the clock's time.
  void Log(int count, cohort::v1::LogLevel level = cohort::v1::LOG_LEVEL_INFO) {
    cohort::v1::LogReport report;
    report.set_start_id(1);
    report.set_first_number(num_logged_ + 1);
    for (int i = 0; i < count; ++i) {
      cohort::v1::LogRecord& record = *report.add_lines();
      record.set_job(kName);
      record.set_level(level);
      record.set_text(std::to_string(++num_logged_));
      *record.mutable_time() = common::ToProtoTimestamp(clock_.Now());
    }
    logs_.AddReport(cohort::v1::PROCESS_ROLE_ROLLOUT_WORKER, "w", report);
  }
  absl::Status Watch(const cohort::v1::WatchLogsRequest& request) {
    seen_.clear();
    return WatchLogs({.store = store_.get(), .logs = &logs_, .signal = &signal_, .clock = &clock_}, request,
                     {.write =
                          [this](const cohort::v1::LogLine& line) {
                            seen_.push_back(line.record().text());
                            last_sequence_ = line.sequence();
                            if (on_line_) on_line_();
                            return seen_.size() < max_taken_;
                          },
                      .is_cancelled = [] { return false; }});
  }
  static cohort::v1::WatchLogsRequest Request(bool follow = false) {
    cohort::v1::WatchLogsRequest request;
    request.set_name(kName);
    request.set_follow(follow);
    return request;
  }

  std::unique_ptr<JobStore> store_ = MakeInMemoryJobStore();
  common::SimulatedClock clock_;
  ChangeSignal signal_;
  prometheus::Gauge bytes_;
  JobLogs logs_{/*epoch=*/1, &signal_, &bytes_, {}};
  std::vector<std::string> seen_;
  std::function<void()> on_line_;
  int64_t last_sequence_ = 0;
  int64_t num_logged_ = 0;
  size_t max_taken_ = 100'000;
};

TEST_F(LogWatchTest, LinesThatAreThereAreWrittenHoweverManyThereAre) {
  Create(cohort::v1::JOB_STATE_RUNNING);
  Log(999);
  EXPECT_OK(Watch(Request()));
  ASSERT_EQ(seen_.size(), 999u);
  EXPECT_EQ(seen_.back(), "999");
}

TEST_F(LogWatchTest, WatchGoesOnBehindTheResumeToken) {
  Create(cohort::v1::JOB_STATE_RUNNING);
  Log(2);
  EXPECT_OK(Watch(Request()));
  Log(2);
  cohort::v1::WatchLogsRequest request = Request();
  request.set_resume_token(last_sequence_);
  EXPECT_OK(Watch(request));
  EXPECT_THAT(seen_, ElementsAre("3", "4"));
  request.set_resume_token(last_sequence_);
  EXPECT_OK(Watch(request));
  EXPECT_THAT(seen_, IsEmpty());
}

TEST_F(LogWatchTest, TailCountsLinesThatMatch) {
  Create(cohort::v1::JOB_STATE_RUNNING);
  Log(3, cohort::v1::LOG_LEVEL_ERROR);
  Log(300);
  cohort::v1::WatchLogsRequest request = Request();
  request.set_tail(2);
  EXPECT_OK(Watch(request));
  EXPECT_THAT(seen_, ElementsAre("302", "303"));
  request.set_min_level(cohort::v1::LOG_LEVEL_WARNING);
  EXPECT_OK(Watch(request));
  EXPECT_THAT(seen_, ElementsAre("2", "3"));
  request.set_process("somebody else");
  EXPECT_OK(Watch(request));
  EXPECT_THAT(seen_, IsEmpty());
}

TEST_F(LogWatchTest, OlderLinesThanAskedForAreLeftOut) {
  Create(cohort::v1::JOB_STATE_RUNNING);
  Log(1);
  clock_.Advance(absl::Minutes(20));
  Log(1);
  cohort::v1::WatchLogsRequest request = Request();
  request.mutable_since()->set_seconds(600);
  EXPECT_OK(Watch(request));
  EXPECT_THAT(seen_, ElementsAre("2"));
}

TEST_F(LogWatchTest, FollowedJobIsWatchedUntilSomeSecondsAfterItsEnd) {
  Create(cohort::v1::JOB_STATE_SUCCEEDED);
  Log(1);
  on_line_ = [this] {
    if (num_logged_ < 3) return Log(1);  // the last lines of a process come late
    clock_.Advance(absl::Seconds(10));
  };
  EXPECT_OK(Watch(Request(/*follow=*/true)));
  EXPECT_THAT(seen_, ElementsAre("1", "2", "3"));
}

TEST_F(LogWatchTest, JobThatGoesOnIsFollowedUntilTheServiceStops) {
  Create(cohort::v1::JOB_STATE_RUNNING);
  Log(2);
  signal_.Close();
  EXPECT_THAT(Watch(Request(/*follow=*/true)), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(seen_, ElementsAre("1", "2"));
}

TEST_F(LogWatchTest, WatcherThatHangsUpEndsTheWatch) {
  Create(cohort::v1::JOB_STATE_RUNNING);
  Log(5);
  max_taken_ = 2;
  EXPECT_THAT(Watch(Request(/*follow=*/true)), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(seen_, ElementsAre("1", "2"));
}

TEST_F(LogWatchTest, WrongRequestsAreNamed) {
  EXPECT_THAT(Watch(Request()), StatusIs(absl::StatusCode::kNotFound));
  const auto refused = [this](const auto& change) {
    cohort::v1::WatchLogsRequest request = Request();
    change(request);
    return Watch(request);
  };
  const auto names = [](const char* field) { return StatusIs(absl::StatusCode::kInvalidArgument, StartsWith(field)); };
  EXPECT_THAT(refused([](auto& request) { request.clear_name(); }), names("name: "));
  EXPECT_THAT(refused([](auto& request) { request.set_tail(-1); }), names("tail: "));
  EXPECT_THAT(refused([](auto& request) { request.set_resume_token(-1); }), names("resume_token: "));
  EXPECT_THAT(refused([](auto& request) { request.mutable_since()->set_seconds(-1); }), names("since: "));
  EXPECT_THAT(refused([](auto& request) { request.set_role(static_cast<cohort::v1::ProcessRole>(9)); }),
              names("role: "));
  EXPECT_THAT(refused([](auto& request) { request.set_min_level(static_cast<cohort::v1::LogLevel>(9)); }),
              names("min_level: "));
}

}  // namespace
}  // namespace cohort::coordinator
