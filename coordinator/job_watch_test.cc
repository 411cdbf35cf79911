// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_watch.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <vector>

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

// A job with events 1 to `num_events`; what a watch of it writes.
class JobWatchTest : public ::testing::Test {
 protected:
  void Create(cohort::v1::JobState state, int num_events) {
    JobRecord record;
    record.job.set_name(kName);
    record.job.set_state(state);
    cohort::v1::JobEvent event;
    event.set_sequence(1);
    ASSERT_OK(store_->CreateJob(record, event));
    JobChange change;
    for (int i = 2; i <= num_events; ++i) change.events.emplace_back().set_sequence(i);
    ASSERT_OK(store_->Apply(kName, change));
  }
  absl::Status Watch(const cohort::v1::WatchJobRequest& request) {
    seen_.clear();
    return WatchJob(store_.get(), signal_, request,
                    {.write =
                         [this](const cohort::v1::JobEvent& event) {
                           seen_.push_back(event.sequence());
                           return seen_.size() < max_taken_;
                         },
                     .is_cancelled = [] { return false; }});
  }
  static cohort::v1::WatchJobRequest Request(int64_t resume_token, int32_t newest = 0, bool past_only = false) {
    cohort::v1::WatchJobRequest request;
    request.set_name(kName);
    request.set_resume_token(resume_token);
    request.set_newest(newest);
    request.set_past_only(past_only);
    return request;
  }

  std::unique_ptr<JobStore> store_ = MakeInMemoryJobStore();
  ChangeSignal signal_;
  std::vector<int64_t> seen_;
  size_t max_taken_ = 1000;
};

TEST_F(JobWatchTest, EventsOfAnEndedJobComeFromTheResumeTokenOn) {
  Create(cohort::v1::JOB_STATE_SUCCEEDED, 5);
  EXPECT_OK(Watch(Request(3)));
  EXPECT_THAT(seen_, ElementsAre(4, 5));
  EXPECT_OK(Watch(Request(5)));
  EXPECT_THAT(seen_, IsEmpty());
}

TEST_F(JobWatchTest, TimesOfAStepAreNotSentToWatchers) {
  Create(cohort::v1::JOB_STATE_SUCCEEDED, 1);
  JobChange change;
  cohort::v1::JobEvent& event = change.events.emplace_back();
  event.set_sequence(2);
  event.mutable_step()->set_policy_version(1);
  event.mutable_step()->mutable_timings()->add_group_ids(7);
  ASSERT_OK(store_->Apply(kName, change));
  std::vector<cohort::v1::JobEvent> sent;
  const auto write = [&sent](const cohort::v1::JobEvent& seen) {
    sent.push_back(seen);
    return true;
  };
  EXPECT_OK(WatchJob(store_.get(), signal_, Request(1), {.write = write, .is_cancelled = [] { return false; }}));
  ASSERT_EQ(sent.size(), 1);
  EXPECT_EQ(sent[0].step().policy_version(), 1);
  EXPECT_FALSE(sent[0].step().has_timings());
}

TEST_F(JobWatchTest, NewestEventsAreTheLastOnesHoweverManyThereAre) {
  Create(cohort::v1::JOB_STATE_SUCCEEDED, 300);
  for (const int32_t count : {1, 2, 99, 250, 299, 300, 1000}) {
    EXPECT_OK(Watch(Request(0, count)));
    ASSERT_EQ(seen_.size(), std::min<size_t>(count, 300)) << count;
    EXPECT_EQ(seen_.back(), 300) << count;
  }
  EXPECT_OK(Watch(Request(299, 10)));
  EXPECT_THAT(seen_, ElementsAre(300)) << "never behind the resume token";
}

TEST_F(JobWatchTest, PastAloneEndsThoughTheJobGoesOn) {
  Create(cohort::v1::JOB_STATE_RUNNING, 4);
  EXPECT_OK(Watch(Request(0, /*newest=*/2, /*past_only=*/true)));
  EXPECT_THAT(seen_, ElementsAre(3, 4));
}

TEST_F(JobWatchTest, JobThatGoesOnIsWatchedUntilTheServiceStops) {
  Create(cohort::v1::JOB_STATE_RUNNING, 2);
  signal_.Close();
  EXPECT_THAT(Watch(Request(0)), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(seen_, ElementsAre(1, 2));
}

TEST_F(JobWatchTest, WatcherThatHangsUpEndsTheWatch) {
  Create(cohort::v1::JOB_STATE_RUNNING, 5);
  max_taken_ = 2;
  EXPECT_THAT(Watch(Request(0)), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(seen_, ElementsAre(1, 2));
}

TEST_F(JobWatchTest, WrongRequestsAreNamed) {
  EXPECT_THAT(Watch(Request(0)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Watch(Request(0, 5)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Watch(Request(0, -1)), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("newest: ")));
  cohort::v1::WatchJobRequest nameless;
  EXPECT_THAT(Watch(nameless), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("name: ")));
}

}  // namespace
}  // namespace cohort::coordinator
