// SPDX-License-Identifier: Apache-2.0
// A full disk or a broken one below the coordinator: nobody else pays for it, and everything goes on afterwards.
#include <gmock/gmock.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class StorageFaultTest : public BenchCoordinator {
 protected:
  void SetUp() override {
    BenchCoordinator::SetUp();
    place_ = StartSums(SmallRlvrSpec());
  }
  // Every group of step 0 is planned, none is dropped, none has a failed attempt.
  void ExpectWholeStepPlanned() {
    ASSERT_OK_AND_ASSIGN(const auto plan, GetPlan(place_, 0));
    ASSERT_TRUE(plan.has_value());
    EXPECT_EQ(plan->groups_size(), 4);
    EXPECT_TRUE(Get("sums").dropped_groups().empty());
    const auto groups = store_.GetGroups(NameOf("sums"), {0, 1, 2, 3});
    ASSERT_OK(groups);
    for (const GroupRecord& group : *groups) EXPECT_EQ(group.failed_attempts, 0) << group.group_id;
  }

  const absl::Status full_ = absl::ResourceExhaustedError("No space left on device");
  cohort::v1::JoinGangResponse place_;
};

TEST_F(StorageFaultTest, FullRolloutLogPutsGroupsOffAndTheWorkerKeepsThem) {
  const auto claimed = Claim("worker", 8);
  ASSERT_EQ(claimed.groups_size(), 4);
  fault_.log = full_;
  for (int repetition = 0; repetition < 10; ++repetition) {
    EXPECT_THAT(WhyTryAgain(Submit(claimed)),
                AllOf(HasSubstr("cannot store the groups"), HasSubstr("No space left on device")));
    EXPECT_EQ(NumLost("worker", claimed), 0);
  }
  fault_.log = absl::OkStatus();
  ASSERT_OK_AND_ASSIGN(const auto receipts, Submit(claimed));
  for (const auto& receipt : receipts) EXPECT_TRUE(receipt.accepted()) << receipt.reason();
  ExpectWholeStepPlanned();
}

TEST_F(StorageFaultTest, FullStorePutsGroupsOffAndTheWorkerKeepsThem) {
  const auto claimed = Claim("worker", 8);
  for (const absl::Status& fault : {full_, absl::InternalError("disk I/O error")}) {
    fault_.store = fault;
    EXPECT_THAT(WhyTryAgain(Submit(claimed)), HasSubstr(std::string(fault.message())));
    EXPECT_EQ(NumLost("worker", claimed), 0);
  }
  fault_.store = absl::OkStatus();
  fault_.row = absl::InternalError("disk I/O error");
  cohort::v1::ClaimGroupsResponse unknown = claimed;
  for (auto& group : *unknown.mutable_groups()) group.set_group_id(group.group_id() + 1000);
  EXPECT_THAT(WhyTryAgain(Submit(unknown)), HasSubstr("disk I/O error"));
  fault_.row = absl::OkStatus();
  ASSERT_OK(Submit(claimed));
  ExpectWholeStepPlanned();
}

TEST_F(StorageFaultTest, AttemptsThatCannotBeStoredAreNotCounted) {
  fault_.store = full_;
  for (int attempt = 0; attempt < 5; ++attempt) {
    // Another worker each time, so that none is set aside.
    const auto released = Claim(absl::StrCat("worker-", attempt), 4);
    ASSERT_EQ(released.groups_size(), 4) << attempt;
    Release(released, "out of memory");
    ASSERT_EQ(Claim(absl::StrCat("sleeper-", attempt), 4).groups_size(), 4) << attempt;
    clock_.Advance(absl::Seconds(31));
    cohort::v1::RankHeartbeatRequest alive;
    alive.set_job(place_.job());
    alive.set_incarnation(place_.incarnation());
    ASSERT_OK(gangs_->Heartbeat(alive));
    Tick();
  }
  fault_.store = absl::OkStatus();
  ASSERT_OK(Submit(Claim("good", 4)));
  ExpectWholeStepPlanned();
}

TEST_F(StorageFaultTest, CommitPublishAndSealAreUnavailableAndRepeatable) {
  ASSERT_OK(Submit(Claim("worker", 4)));
  ASSERT_OK(GetPlan(place_, 0));
  fault_.store = full_;
  EXPECT_THAT(Commit(place_, 1, 'b'), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("No space left")));
  EXPECT_EQ(Get("sums").policy_version(), 0);
  fault_.store = absl::OkStatus();
  ASSERT_OK(Commit(place_, 1, 'b'));
  ASSERT_OK(Publish(place_, 1, 'b'));
  fault_.store = full_;
  EXPECT_THAT(Seal(place_, 1, 'b'), StatusIs(absl::StatusCode::kUnavailable));
  fault_.row = absl::InternalError("disk I/O error");
  EXPECT_THAT(GetPlan(place_, 0), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("disk I/O error")));
  fault_ = {};
  ASSERT_OK(Seal(place_, 1, 'b'));
  EXPECT_THAT(Get("sums").checkpoint_path(), EndsWith("step-1"));
}

TEST_F(StorageFaultTest, GangThatIsLostMeanwhileIsReplacedOnceTheStoreTakesWritesAgain) {
  fault_.store = full_;
  clock_.Advance(absl::Seconds(31));
  Tick();
  EXPECT_EQ(Get("sums").state(), cohort::v1::JOB_STATE_RUNNING) << "as stored";
  EXPECT_THAT(Runtime("sums")->Waiting().waits_for, HasSubstr("No space left on device"));
  EXPECT_EQ(Join().job(), "");
  fault_.store = absl::OkStatus();
  Tick();
  EXPECT_EQ(Get("sums").state(), cohort::v1::JOB_STATE_QUEUED);
  EXPECT_THAT(Get("sums").state_reason(), HasSubstr("rank 0 (rank) was silent"));
  EXPECT_EQ(Join().incarnation(), 2);
}

TEST_F(StorageFaultTest, FailureThatCouldNotBeStoredIsStoredLaterAndNothingIsHandedOutMeanwhile) {
  fault_.store = full_;
  ASSERT_OK(Runtime("sums")->Abandon(place_.incarnation(), "loss is not finite"));
  EXPECT_EQ(Claim("worker", 4).groups_size(), 0);
  fault_.store = absl::OkStatus();
  Tick();
  EXPECT_EQ(Get("sums").state(), cohort::v1::JOB_STATE_FAILED);
  EXPECT_EQ(Get("sums").state_reason(), "loss is not finite");
}

TEST_F(StorageFaultTest, CancelIsUnavailableOrDone) {
  fault_.store = full_;
  EXPECT_THAT(directory_->Cancel(NameOf("sums")), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Create("second", SmallSftSpec()), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("store the job")));
  fault_.store = absl::OkStatus();
  EXPECT_EQ(directory_->Cancel(NameOf("sums"))->state(), cohort::v1::JOB_STATE_CANCELLING);
  EXPECT_OK(Create("second", SmallSftSpec())) << "nothing was left behind";
}

TEST_F(StorageFaultTest, TimeInASlowWriteDoesNotEndLeases) {
  const auto first = Claim("worker", 1);
  const auto rest = Claim("worker", 3);
  fault_.before_write = [this] { clock_.Advance(absl::Seconds(40)); };
  ASSERT_OK(Submit(first));
  fault_.before_write = [] {};
  Runtime("sums")->Tick();
  EXPECT_EQ(NumLost("worker", rest), 0);
  ASSERT_OK(Submit(rest));
  ExpectWholeStepPlanned();
}

TEST_F(StorageFaultTest, MetricsFileIsMadeWholeAfterLinesCouldNotBeWritten) {
  ASSERT_OK(Submit(Claim("worker", 4)));
  ASSERT_OK(GetPlan(place_, 0));
  const std::string path = folder_.Join("runs/default/sums/metrics.jsonl");
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  ASSERT_OK(Commit(place_, 1, 'b')) << "people read it, training does not";
  std::filesystem::remove(path);
  ASSERT_OK(Publish(place_, 1, 'b'));
  ASSERT_OK(Submit(Claim("worker", 4)));
  ASSERT_OK(GetPlan(place_, 1));
  ASSERT_OK(Commit(place_, 2, 'c'));
  ASSERT_OK_AND_ASSIGN(const std::string text, common::ReadFile(path));
  EXPECT_THAT(text, AllOf(HasSubstr("\"policy_version\":1,"), HasSubstr("\"policy_version\":2,")));
}

}  // namespace
}  // namespace cohort::coordinator
