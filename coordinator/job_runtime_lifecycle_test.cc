// SPDX-License-Identifier: Apache-2.0
// What is asked of a job in each of its states, and what a new coordinator process makes of them.
#include <gmock/gmock.h>

#include <string>

#include "common/testing/status_matchers.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::HasSubstr;

class JobRuntimeLifecycleTest : public BenchCoordinator {
 protected:
  cohort::v1::JobState State() { return Get("sums").state(); }
  // A job of which the worker has scored one group and holds two.
  cohort::v1::JoinGangResponse BeginToSample() {
    EXPECT_OK(Create("sums", SmallRlvrSpec()));
    const auto place = Join();
    EXPECT_OK(Publish(place, 0, 'a'));
    EXPECT_OK(Submit(Claim("worker", 1)));
    held_ = Claim("worker", 2);
    return place;
  }
  // A job that has committed version 1, with the plan of version 1 not made.
  cohort::v1::JoinGangResponse BeginToTrain() {
    EXPECT_OK(Create("sums", SmallRlvrSpec()));
    const auto place = Join();
    EXPECT_OK(Publish(place, 0, 'a'));
    EXPECT_OK(Submit(Claim("worker", 4)));
    EXPECT_OK(GetPlan(place, 0));
    EXPECT_OK(Commit(place, 1, 'b'));
    return place;
  }
  int64_t NumFailedAttempts() {
    int64_t count = 0;
    const auto groups = store_.ListOpenGroups(NameOf("sums"));
    for (const GroupRecord& group : *groups) count += group.failed_attempts;
    return count;
  }
  int NumAccepted(const cohort::v1::ClaimGroupsResponse& claimed) {
    int count = 0;
    const auto receipts = Submit(claimed);
    EXPECT_OK(receipts);
    for (const auto& receipt : *receipts) count += receipt.accepted() ? 1 : 0;
    return count;
  }

  cohort::v1::ClaimGroupsResponse held_;
};

TEST_F(JobRuntimeLifecycleTest, JobWithoutRanksIsPausedResumedAndCancelledAtOnce) {
  ASSERT_OK(Create("sums", SmallRlvrSpec()));
  ASSERT_OK_AND_ASSIGN(const auto paused, directory_->Pause(NameOf("sums")));
  EXPECT_EQ(paused.state(), cohort::v1::JOB_STATE_PAUSED);
  EXPECT_EQ(paused.state_reason(), "paused by request");
  EXPECT_EQ(paused.waits_for(), "somebody to resume it");
  EXPECT_EQ(Join().job(), "") << "nothing but ResumeJob starts it";
  EXPECT_EQ(directory_->Pause(NameOf("sums"))->etag(), paused.etag()) << "unchanged";
  ASSERT_OK(directory_->Resume(NameOf("sums")));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_QUEUED);
  const std::string etag = Get("sums").etag();
  EXPECT_EQ(directory_->Resume(NameOf("sums"))->etag(), etag) << "unchanged";
  ASSERT_OK(directory_->Pause(NameOf("sums")));
  ASSERT_OK(directory_->Cancel(NameOf("sums")));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_CANCELLED);
}

TEST_F(JobRuntimeLifecycleTest, RunningJobPausesWhenItsRanksHaveSealed) {
  const auto place = BeginToTrain();
  ASSERT_OK(directory_->Pause(NameOf("sums")));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_PAUSING);
  EXPECT_EQ(Get("sums").waits_for(), "ranks to stop at version 1");
  ASSERT_OK_AND_ASSIGN(const auto stop, GetPlan(place, 1));
  ASSERT_TRUE(stop.has_value());
  EXPECT_EQ(stop->stop_reason(), "paused by request");
  EXPECT_TRUE(stop->seal_checkpoint());
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_PAUSING);
  EXPECT_EQ(Get("sums").waits_for(), "rank 0 to seal the checkpoint of version 1");
  ASSERT_OK(Seal(place, 1, 'b'));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_PAUSED);
  EXPECT_TRUE(Runtime("sums")->Demand().holds_ranks) << "they have not left yet";
  ASSERT_OK(directory_->Resume(NameOf("sums")));
  EXPECT_FALSE(Runtime("sums")->Demand().may_start);
  EXPECT_EQ(Get("sums").waits_for(), "the ranks of the gang before to leave");
  EXPECT_THAT(Runtime("sums")->StartGang(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not left")));
  EXPECT_EQ(Join().resume_version(), 1);
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_RUNNING);
}

TEST_F(JobRuntimeLifecycleTest, WhileAJobPausesGroupsAreTakenInAndNoneGivenOut) {
  const auto place = BeginToSample();
  ASSERT_OK(directory_->Pause(NameOf("sums")));
  EXPECT_EQ(Claim("other", 1).groups_size(), 0);
  EXPECT_EQ(NumLost("worker", held_), 0);
  auto first = held_;
  first.mutable_groups()->RemoveLast();
  EXPECT_EQ(NumAccepted(first), 1);
  ASSERT_OK(GetPlan(place, 0));
  ASSERT_EQ(State(), cohort::v1::JOB_STATE_PAUSED) << "version 0 needs no checkpoint";
  EXPECT_EQ(NumLost("worker", held_), 2) << "of a job that has stopped nobody holds anything";
  auto second = held_;
  second.mutable_groups()->erase(second.mutable_groups()->begin());
  EXPECT_EQ(NumAccepted(second), 0);
  EXPECT_EQ(NumAccepted(first), 1) << "the receipt of what was taken in is given again";
  EXPECT_EQ(NumFailedAttempts(), 0);
  EXPECT_EQ(Get("sums").num_workers(), 0);
}

TEST_F(JobRuntimeLifecycleTest, PreemptedJobLeavesAtTheEndOfTheUpdateAndIsQueuedByItself) {
  const auto place = BeginToTrain();
  EXPECT_FALSE(Runtime("sums")->Demand().is_stopping);
  ASSERT_OK(Runtime("sums")->Preempt("namespaces/default/jobs/urgent"));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_RUNNING);
  EXPECT_TRUE(Runtime("sums")->Demand().is_stopping);
  EXPECT_EQ(Claim("worker", 1).groups_size(), 0);
  ASSERT_OK_AND_ASSIGN(const auto stop, GetPlan(place, 1));
  EXPECT_TRUE(stop->seal_checkpoint());
  ASSERT_OK(Seal(place, 1, 'b'));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_PREEMPTED);
  EXPECT_EQ(Get("sums").state_reason(), "makes room for namespaces/default/jobs/urgent");
  EXPECT_THAT(Runtime("sums")->Preempt("again"), StatusIs(absl::StatusCode::kFailedPrecondition));
  Restart();
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_PREEMPTED);
  EXPECT_TRUE(Runtime("sums")->Demand().may_start);
  const auto again = Join();
  EXPECT_EQ(again.incarnation(), 2);
  EXPECT_EQ(again.resume_version(), 1);
  EXPECT_EQ(Get("sums").incarnation(), 2);
}

TEST_F(JobRuntimeLifecycleTest, PreemptedJobThatLosesItsRanksMeanwhileHasMadeRoom) {
  const auto place = BeginToTrain();
  ASSERT_OK(Runtime("sums")->Preempt("namespaces/default/jobs/urgent"));
  Runtime("sums")->LoseGang(place.incarnation(), "rank 0 was silent");
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_PREEMPTED);
  ASSERT_OK(directory_->Pause(NameOf("sums")));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_PAUSED);
  ASSERT_OK(directory_->Resume(NameOf("sums")));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_QUEUED);
}

TEST_F(JobRuntimeLifecycleTest, PauseOfAJobThatIsBeingPreemptedWins) {
  const auto place = BeginToTrain();
  ASSERT_OK(Runtime("sums")->Preempt("namespaces/default/jobs/urgent"));
  ASSERT_OK(directory_->Pause(NameOf("sums")));
  ASSERT_OK(Runtime("sums")->Preempt("namespaces/default/jobs/urgent")) << "it goes already";
  ASSERT_OK(GetPlan(place, 1));
  ASSERT_OK(Seal(place, 1, 'b'));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_PAUSED);
}

TEST_F(JobRuntimeLifecycleTest, CancelOfAJobThatPausesCancelsIt) {
  const auto place = BeginToTrain();
  ASSERT_OK(directory_->Pause(NameOf("sums")));
  ASSERT_OK(directory_->Cancel(NameOf("sums")));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_CANCELLING);
  EXPECT_THAT(directory_->Pause(NameOf("sums")), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(directory_->Resume(NameOf("sums")), StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_OK(GetPlan(place, 1));
  ASSERT_OK(Seal(place, 1, 'b'));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_CANCELLED);
  for (const auto& ask : {&JobDirectory::Pause, &JobDirectory::Resume}) {
    EXPECT_THAT((directory_.get()->*ask)(NameOf("sums"), ""), StatusIs(absl::StatusCode::kFailedPrecondition));
  }
}

TEST_F(JobRuntimeLifecycleTest, ResumeOfAJobThatPausesLetsItsRanksStopAndJoinAgain) {
  const auto place = BeginToTrain();
  ASSERT_OK(directory_->Pause(NameOf("sums")));
  ASSERT_OK(directory_->Resume(NameOf("sums")));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_RUNNING);
  ASSERT_OK_AND_ASSIGN(const auto stop, GetPlan(place, 1));
  EXPECT_EQ(stop->action(), cohort::v1::STEP_ACTION_STOP) << "other ranks may have been told already";
  ASSERT_OK(Seal(place, 1, 'b'));
  EXPECT_EQ(Join().resume_version(), 1);
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_RUNNING);
}

TEST_F(JobRuntimeLifecycleTest, JobWhoseRanksGoWithoutSealingPausesAndReplaysLater) {
  const auto place = BeginToTrain();
  ASSERT_OK(directory_->Pause(NameOf("sums")));
  ASSERT_OK(GetPlan(place, 1));
  Runtime("sums")->LoseGang(place.incarnation(), "rank 0 was silent");
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_PAUSED);
  EXPECT_EQ(Get("sums").checkpoint_path(), "");
  ASSERT_OK(directory_->Resume(NameOf("sums")));
  const auto again = Join();
  EXPECT_EQ(again.resume_version(), 0);
  ASSERT_OK_AND_ASSIGN(const auto plan, GetPlan(again, 0));
  EXPECT_EQ(plan->action(), cohort::v1::STEP_ACTION_TRAIN);
}

TEST_F(JobRuntimeLifecycleTest, JobWithNothingLeftToDoEndsRatherThanPauses) {
  cohort::v1::JobSpec spec = SmallSftSpec();
  spec.mutable_training()->set_num_steps(1);
  ASSERT_OK(Create("sums", spec));
  const auto place = Join();
  ASSERT_OK(GetPlan(place, 0));
  ASSERT_OK(Commit(place, 1, 'b'));
  ASSERT_OK(directory_->Pause(NameOf("sums")));
  ASSERT_OK(GetPlan(place, 1));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_PAUSING);
  ASSERT_OK(Seal(place, 1, 'b'));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_SUCCEEDED);
}

TEST_F(JobRuntimeLifecycleTest, RankThatFailsWhileTheJobPausesFailsIt) {
  const auto place = BeginToTrain();
  ASSERT_OK(directory_->Pause(NameOf("sums")));
  ASSERT_OK(Runtime("sums")->Abandon(place.incarnation(), "loss is not finite"));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_FAILED);
  Runtime("sums")->LoseGang(place.incarnation(), "all ranks stopped as planned");
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_FAILED);
}

TEST_F(JobRuntimeLifecycleTest, PauseThatCannotBeStoredHasNotHappenedAndStopThatCannotIsMadeGood) {
  const auto place = BeginToTrain();
  fault_.store = absl::ResourceExhaustedError("No space left on device");
  EXPECT_THAT(directory_->Pause(NameOf("sums")), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_RUNNING);
  fault_.store = absl::OkStatus();
  ASSERT_OK(directory_->Pause(NameOf("sums")));
  fault_.store = absl::ResourceExhaustedError("No space left on device");
  Runtime("sums")->LoseGang(place.incarnation(), "rank 0 was silent");
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_PAUSING);
  Restart();
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_PAUSING);
  fault_.store = absl::OkStatus();
  Tick();
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_PAUSED);
}

TEST_F(JobRuntimeLifecycleTest, PausedJobKeepsItsStateOverRestartsAndHoldsNobodyUp) {
  BeginToSample();
  ASSERT_OK(directory_->Pause(NameOf("sums")));
  Restart();
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_PAUSED);
  EXPECT_EQ(NumLost("worker", held_), 2);
  EXPECT_EQ(NumAccepted(held_), 0) << "also under the lease of a former process";
  ASSERT_OK(Create("other", SmallSftSpec()));
  EXPECT_EQ(Join().job(), NameOf("other"));
  Restart();
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_PAUSED);
  ASSERT_OK(directory_->Resume(NameOf("sums")));
  Restart();
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_QUEUED);
  ASSERT_OK(directory_->Cancel(NameOf("other")));
  EXPECT_EQ(Join().job(), NameOf("sums"));
}

TEST_F(JobRuntimeLifecycleTest, JobThatStopsHasNoGroupsForAnybody) {
  BeginToSample();
  GroupOffer offer;
  EXPECT_TRUE(Runtime("sums")->HasWaitingGroups(&offer));
  EXPECT_TRUE(offer.is_for_all);
  ASSERT_OK(Runtime("sums")->Preempt("namespaces/default/jobs/urgent"));
  EXPECT_FALSE(Runtime("sums")->HasWaitingGroups(&offer)) << "claims that wait need not look";
}

TEST_F(JobRuntimeLifecycleTest, JobThatEndsAtATickCountsNoGroupsFromThenOn) {
  const auto place = BeginToSample();
  Tick();
  EXPECT_EQ(metrics_.GroupsInState(NameOf("sums"), "waiting").Value(), 1);
  fault_.store = absl::ResourceExhaustedError("No space left on device");
  ASSERT_OK(Runtime("sums")->Abandon(place.incarnation(), "loss is not finite"));
  fault_.store = absl::OkStatus();
  Tick();
  EXPECT_EQ(State(), cohort::v1::JOB_STATE_FAILED);
  EXPECT_EQ(metrics_.GroupsInState(NameOf("sums"), "waiting").Value(), 0);
}

TEST_F(JobRuntimeLifecycleTest, OfManyWorkersAFewAreNamed) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_rlvr()->mutable_rollout()->set_groups_per_step(10);
  ASSERT_OK(Create("sums", spec));
  ASSERT_OK(Publish(Join(), 0, 'a'));
  for (int i = 0; i < 10; ++i) ASSERT_EQ(Claim("w" + std::to_string(i), 1).groups_size(), 1);
  EXPECT_EQ(Get("sums").waits_for(), "rollout workers w0,w1,w2,w3,w4,w5,w6,w7 and 2 others to score 10 groups");
}

}  // namespace
}  // namespace cohort::coordinator
