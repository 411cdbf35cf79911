// SPDX-License-Identifier: Apache-2.0
// Ranks that were asked to stop, do not, and still send heartbeats: the job gets to where it was going without them.
// And ranks of a gang that is gone, which have no say about the next one.
#include <gmock/gmock.h>

#include <string>

#include "absl/time/time.h"
#include "common/testing/status_matchers.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::HasSubstr;

class OverdueStopTest : public BenchCoordinator {
 protected:
  // A job that has committed version 1, sealed nothing and is about to be stopped.
  void Begin() {
    ASSERT_OK(Create("sums", SmallRlvrSpec()));
    place_ = Join("hangs");
    ASSERT_OK(Publish(place_, 0, 'a'));
    ASSERT_OK(Submit(Claim("worker", 4)));
    ASSERT_OK(GetPlan(place_, 0));
    ASSERT_OK(Commit(place_, 1, 'b'));
  }
  void TellToStop() {
    ASSERT_OK_AND_ASSIGN(const auto stop, GetPlan(place_, 1));
    ASSERT_TRUE(stop.has_value());
    ASSERT_EQ(stop->action(), cohort::v1::STEP_ACTION_STOP);
  }
  absl::Status Beat(bool is_draining = false, const std::string& error = "") {
    cohort::v1::RankHeartbeatRequest request;
    request.set_learner_id("hangs");
    request.set_job(place_.job());
    request.set_incarnation(place_.incarnation());
    request.set_rank(0);
    request.set_is_draining(is_draining);
    request.set_error(error);
    return gangs_->Heartbeat(request);
  }
  // The rank beats every ten seconds.
  void Hang(absl::Duration duration) {
    for (absl::Duration passed; passed < duration; passed += absl::Seconds(10)) {
      ASSERT_OK(Beat());
      clock_.Advance(absl::Seconds(10));
      Tick();
    }
  }
  cohort::v1::JobState State() { return Get("sums").state(); }

  const std::string late_ = "; the stop took longer than 1h, waiting for rank 0 to seal the checkpoint of version 1";
  cohort::v1::JoinGangResponse place_;
};

TEST_F(OverdueStopTest, JobIsPausedWithoutTheRankThatDoesNotSeal) {
  Begin();
  ASSERT_OK(directory_->Pause(NameOf("sums")));
  TellToStop();
  Hang(absl::Minutes(59));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_PAUSING);
  Hang(absl::Minutes(1));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_PAUSED);
  EXPECT_EQ(Get("sums").state_reason(), "paused by request" + late_);
  EXPECT_THAT(Beat(), StatusIs(absl::StatusCode::kAborted, HasSubstr("dissolved")));
  EXPECT_THAT(Seal(place_, 1, 'b'), StatusIs(absl::StatusCode::kAborted)) << "too late";

  ASSERT_OK(directory_->Resume(NameOf("sums")));
  const auto next = Join("works");
  EXPECT_EQ(next.job(), NameOf("sums"));
  EXPECT_EQ(next.resume_version(), 0) << "nothing was sealed: it replays";
  ASSERT_OK(directory_->Pause(NameOf("sums")));
  ASSERT_OK(GetPlan(next, 0));
  EXPECT_EQ(Get("sums").state_reason(), "paused by request") << "the next stop is one of its own";
}

TEST_F(OverdueStopTest, JobIsPausedWithoutTheRankThatDoesNotFinishItsUpdate) {
  Begin();
  ASSERT_OK(directory_->Pause(NameOf("sums")));
  Hang(absl::Hours(1));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_PAUSED);
  EXPECT_THAT(Get("sums").state_reason(), HasSubstr("waiting for ranks to stop at version 1"));
}

TEST_F(OverdueStopTest, CancelledJobIsOverWithoutTheRankThatHangs) {
  Begin();
  ASSERT_OK(directory_->Cancel(NameOf("sums")));
  TellToStop();
  Hang(absl::Minutes(59));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_CANCELLING);
  Hang(absl::Minutes(1));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_CANCELLED);
  EXPECT_EQ(Get("sums").state_reason(), "cancelled by request" + late_);
}

TEST_F(OverdueStopTest, PreemptedJobMakesRoomWithoutTheRankThatHangs) {
  Begin();
  ASSERT_OK(Runtime("sums")->Preempt("namespaces/default/jobs/urgent"));
  TellToStop();
  Hang(absl::Hours(1));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_PREEMPTED);
  EXPECT_EQ(Get("sums").state_reason(), "makes room for namespaces/default/jobs/urgent" + late_);
}

TEST_F(OverdueStopTest, JobWhoseRankHangsInItsTerminationGoesOnWithOthers) {
  Begin();
  ASSERT_OK(Beat(/*is_draining=*/true));
  TellToStop();
  Hang(absl::Hours(1));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_QUEUED);
  EXPECT_THAT(Get("sums").state_reason(), HasSubstr("the stop took longer than 1h"));
  EXPECT_EQ(Join("works").job(), NameOf("sums"));
}

TEST_F(OverdueStopTest, RankThatHasSealedAndDoesNotLeaveIsNotWaitedForForEver) {
  Begin();
  ASSERT_OK(directory_->Pause(NameOf("sums")));
  TellToStop();
  ASSERT_OK(Seal(place_, 1, 'b'));
  ASSERT_OK(directory_->Resume(NameOf("sums")));
  Hang(absl::Minutes(59));
  EXPECT_EQ(Join("works").job(), "") << "its gang is there still";
  Hang(absl::Minutes(1));
  EXPECT_EQ(Join("works").resume_version(), 1);
}

TEST_F(OverdueStopTest, RankOfADissolvedGangNeitherStopsNorFailsTheNextOne) {
  Begin();
  clock_.Advance(absl::Seconds(31));
  Tick();
  const auto next = Join("works");
  ASSERT_EQ(next.incarnation(), place_.incarnation() + 1);
  ASSERT_OK(Publish(next, 0, 'a'));
  EXPECT_THAT(Beat(/*is_draining=*/true), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(Beat(/*is_draining=*/false, "loss is not finite"), StatusIs(absl::StatusCode::kAborted));
  // A heartbeat that was let in a moment before its gang was dissolved.
  EXPECT_THAT(Runtime("sums")->RequestStop(place_.incarnation(), "rank 0 was asked to terminate"),
              StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(Runtime("sums")->Abandon(place_.incarnation(), "loss is not finite"),
              StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_RUNNING);
  ASSERT_OK_AND_ASSIGN(const auto plan, GetPlan(next, 0));
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->action(), cohort::v1::STEP_ACTION_TRAIN);
  ASSERT_OK(Runtime("sums")->RequestStop(next.incarnation(), "rank 0 was asked to terminate"));
  ASSERT_OK_AND_ASSIGN(const auto stop, GetPlan(next, 1));
  ASSERT_TRUE(stop.has_value());
  EXPECT_EQ(stop->stop_reason(), "rank 0 was asked to terminate");
}

}  // namespace
}  // namespace cohort::coordinator
