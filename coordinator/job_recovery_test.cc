// SPDX-License-Identifier: Apache-2.0
// Jobs that a new coordinator process finds in its store, and gangs that find less than they were promised.
#include <gmock/gmock.h>

#include <filesystem>
#include <string>

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

using JobRecoveryTest = BenchCoordinator;

TEST_F(JobRecoveryTest, JobWhoseRunFolderCannotBeMadeWaitsByNameAndKeepsNobodyElse) {
  ASSERT_OK(Create("first", SmallSftSpec()));
  ASSERT_OK(Create("second", SmallSftSpec()));
  std::filesystem::remove_all(folder_.Join("runs/default/first"));
  ASSERT_OK(common::WriteFileAtomically(folder_.Join("runs/default/first"), "in the way"));
  Restart();
  EXPECT_EQ(directory_->Runtimes().size(), 2u);
  EXPECT_EQ(Join().job(), NameOf("second"));
  EXPECT_THAT(Get("first").state_reason(), HasSubstr("cannot make the run folder"));
  std::filesystem::remove(folder_.Join("runs/default/first"));
  ASSERT_OK(directory_->Cancel(NameOf("first")));
  EXPECT_TRUE(std::filesystem::exists(folder_.Join("runs/default/first/metrics.jsonl"))) << "made with the next event";
}

TEST_F(JobRecoveryTest, FullDiskAtTheStartIsNoReasonNotToServe) {
  ASSERT_OK(Create("sums", SmallSftSpec()));
  ASSERT_EQ(Join().job(), NameOf("sums"));
  fault_.store = absl::ResourceExhaustedError("No space left on device");
  Restart();
  EXPECT_EQ(Join().job(), "");
  EXPECT_EQ(Claim("worker", 1).groups_size(), 0);
  EXPECT_THAT(Runtime("sums")->Waiting().waits_for, HasSubstr("No space left on device"));
  fault_.store = absl::OkStatus();
  Tick();
  EXPECT_EQ(Get("sums").state_reason(), "the coordinator restarted; waits for learner ranks");
  EXPECT_EQ(Join().incarnation(), 2);
}

TEST_F(JobRecoveryTest, JobWhoseDatasetIsGoneWaitsByNameAndLetsOthersGoFirst) {
  ASSERT_OK(Create("first", SmallSftSpec()));
  cohort::v1::JobSpec other = SmallSftSpec();
  ASSERT_OK(common::WriteFileAtomically(folder_.Join("other.jsonl"), "{\"question\": \"1\", \"answer\": \"2\"}\n"));
  other.mutable_sft()->mutable_data()->mutable_jsonl()->set_path("other.jsonl");
  ASSERT_OK(Create("second", other));
  std::filesystem::remove(folder_.Join("problems.jsonl"));
  Restart();
  EXPECT_EQ(Join("rank-1").job(), NameOf("second"));
  EXPECT_EQ(Get("first").state(), cohort::v1::JOB_STATE_QUEUED);
  EXPECT_THAT(Get("first").state_reason(), AllOf(HasSubstr("cannot start: sft.data.jsonl.path: "),
                                                 HasSubstr("No such file"), HasSubstr("problems.jsonl")));
  EXPECT_THAT(Runtime("first")->Waiting().waits_for, HasSubstr("No such file"));
  WriteRows(10);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Join("rank-2").job(), NameOf("first"));
  EXPECT_EQ(Get("first").state_reason(), "");
}

TEST_F(JobRecoveryTest, JobWhoseDatasetHasChangedFailsByName) {
  ASSERT_OK(Create("first", SmallSftSpec()));
  ASSERT_OK(Create("second", SmallRlvrSpec()));
  WriteRows(11);
  Restart();
  EXPECT_EQ(Join().job(), "");
  EXPECT_EQ(Get("first").state(), cohort::v1::JOB_STATE_FAILED);
  EXPECT_EQ(Get("first").state_reason(),
            "cannot start: sft.data: the rows are not those of the submit (problems.jsonl)");
  EXPECT_EQ(Get("second").state(), cohort::v1::JOB_STATE_FAILED);
}

TEST_F(JobRecoveryTest, StoreThatCannotBeReadJustNowDoesNotFailTheJob) {
  ASSERT_OK(Create("sums", SmallRlvrSpec()));
  fault_.row = absl::InternalError("disk I/O error");
  EXPECT_EQ(Join().job(), "");
  EXPECT_EQ(Get("sums").state(), cohort::v1::JOB_STATE_QUEUED);
  fault_.row = absl::OkStatus();
  EXPECT_EQ(Join().job(), NameOf("sums"));
}

TEST_F(JobRecoveryTest, GangThatResumesFromAnOlderCheckpointGetsThePlansSinceAndSealsAgain) {
  cohort::v1::JobSpec spec = SmallSftSpec();
  spec.mutable_checkpoint()->set_every_steps(1);
  ASSERT_OK(Create("sums", spec));
  auto place = Join();
  ASSERT_OK(Publish(place, 0, 'a'));
  std::string plans[2];
  for (int version = 0; version < 2; ++version) {
    ASSERT_OK_AND_ASSIGN(const auto plan, GetPlan(place, version));
    plans[version] = plan->SerializeAsString();
    ASSERT_OK(Commit(place, version + 1, static_cast<char>('b' + version)));
    ASSERT_OK(Seal(place, version + 1, static_cast<char>('b' + version)));
  }
  Restart();
  place = Join();
  ASSERT_EQ(place.resume_version(), 2);
  // The rank found the checkpoint of version 2 damaged and took up that of version 1.
  ASSERT_OK_AND_ASSIGN(const auto again, GetPlan(place, 1));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->SerializeAsString(), plans[1]);
  EXPECT_THAT(Get("sums").checkpoint_path(), EndsWith("step-1"));
  EXPECT_THAT(store_.ListEvents(NameOf("sums"), 0, 100)->back().notice(),
              AllOf(HasSubstr("resumed from version 1"), HasSubstr("version 2 cannot be used")));
  ASSERT_OK(Commit(place, 2, 'c')) << "the committed digest";
  Runtime("sums")->RequestStop("drain");
  ASSERT_OK_AND_ASSIGN(const auto stop, GetPlan(place, 2));
  EXPECT_EQ(stop->action(), cohort::v1::STEP_ACTION_STOP);
  EXPECT_TRUE(stop->seal_checkpoint()) << "the damaged one does not count";
  ASSERT_OK(Seal(place, 2, 'c'));
  EXPECT_THAT(Get("sums").checkpoint_path(), EndsWith("step-2"));
}

TEST_F(JobRecoveryTest, GroupsThatWorkersHoldAreTakenBeforeTheRanksAreBack) {
  ASSERT_OK(Create("sums", SmallRlvrSpec()));
  ASSERT_OK(Publish(Join(), 0, 'a'));
  const auto claimed = Claim("worker", 4);
  ASSERT_EQ(claimed.groups_size(), 4);
  Restart();
  EXPECT_EQ(NumLost("worker", claimed), 0);
  for (int repetition = 0; repetition < 2; ++repetition) {
    ASSERT_OK_AND_ASSIGN(const auto receipts, Submit(claimed));
    for (const auto& receipt : receipts) EXPECT_TRUE(receipt.accepted()) << receipt.reason();
  }
  EXPECT_EQ(Get("sums").state(), cohort::v1::JOB_STATE_QUEUED);
  EXPECT_EQ(Claim("other", 4).groups_size(), 0) << "nobody can publish a version";
  const auto place = Join();
  EXPECT_EQ(place.incarnation(), 2);
  ASSERT_OK_AND_ASSIGN(const auto plan, GetPlan(place, 0));
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->groups_size(), 4);
}

TEST_F(JobRecoveryTest, LeaseThatRunsOutBeforeTheRanksAreBackGivesItsGroupToAnotherWorker) {
  ASSERT_OK(Create("sums", SmallRlvrSpec()));
  ASSERT_OK(Publish(Join(), 0, 'a'));
  const auto claimed = Claim("worker", 1);
  Restart();
  ASSERT_EQ(NumLost("worker", claimed), 0);
  clock_.Advance(absl::Seconds(31));
  Tick();
  ASSERT_OK(Publish(Join(), 0, 'a'));
  EXPECT_EQ(Claim("other", 8).groups_size(), 4);
  EXPECT_EQ(NumLost("worker", claimed), 1);
}

TEST_F(JobRecoveryTest, GroupsOfAJobWhoseDatasetHasChangedAreRefusedByName) {
  ASSERT_OK(Create("sums", SmallRlvrSpec()));
  ASSERT_OK(Publish(Join(), 0, 'a'));
  const auto claimed = Claim("worker", 4);
  WriteRows(11);
  Restart();
  EXPECT_EQ(NumLost("worker", claimed), 4);
  ASSERT_OK_AND_ASSIGN(const auto receipts, Submit(claimed));
  for (const auto& receipt : receipts) {
    EXPECT_FALSE(receipt.accepted());
    EXPECT_THAT(receipt.reason(), HasSubstr("rlvr.data: the rows are not those of the submit"));
  }
}

TEST_F(JobRecoveryTest, GroupsOfAJobWhoseDatasetIsGoneKeepNobodyElseWaiting) {
  ASSERT_OK(Create("sums", SmallRlvrSpec()));
  ASSERT_OK(Publish(Join(), 0, 'a'));
  const auto claimed = Claim("worker", 4);
  std::filesystem::remove(folder_.Join("problems.jsonl"));
  Restart();
  EXPECT_EQ(NumLost("worker", claimed), 4);
  // Not UNAVAILABLE: the worker would submit for ever.
  ASSERT_OK_AND_ASSIGN(const auto receipts, Submit(claimed));
  for (const auto& receipt : receipts) {
    EXPECT_FALSE(receipt.accepted());
    EXPECT_THAT(receipt.reason(), HasSubstr("problems.jsonl"));
  }
}

TEST_F(JobRecoveryTest, GroupsThatCannotBeReadJustNowAreKeptByTheirWorker) {
  ASSERT_OK(Create("sums", SmallRlvrSpec()));
  ASSERT_OK(Publish(Join(), 0, 'a'));
  const auto claimed = Claim("worker", 4);
  Restart();
  fault_.row = absl::InternalError("disk I/O error");
  EXPECT_EQ(NumLost("worker", claimed), 0);
  EXPECT_THAT(WhyTryAgain(Submit(claimed)), HasSubstr("disk I/O error"));
  fault_.row = absl::OkStatus();
  Tick();
  ASSERT_OK_AND_ASSIGN(const auto receipts, Submit(claimed));
  for (const auto& receipt : receipts) EXPECT_TRUE(receipt.accepted()) << receipt.reason();
}

TEST_F(JobRecoveryTest, EndIsTheLastEventOfAJobAlsoWhenAnUpdateWasUnderWay) {
  ASSERT_OK(Create("sums", SmallSftSpec()));
  const auto place = Join();
  ASSERT_OK(GetPlan(place, 0));
  ASSERT_OK(Runtime("sums")->Abandon(place.incarnation(), "loss is not finite"));
  ASSERT_OK(Commit(place, 1, 'b'));
  EXPECT_EQ(store_.ListEvents(NameOf("sums"), 0, 100)->back().state_changed().state(), cohort::v1::JOB_STATE_FAILED);
  EXPECT_EQ(Get("sums").policy_version(), 1);
  ASSERT_OK(Publish(place, 1, 'b'));
  ASSERT_OK_AND_ASSIGN(const auto stop, GetPlan(place, 1));
  EXPECT_EQ(stop->action(), cohort::v1::STEP_ACTION_STOP);
}

TEST_F(JobRecoveryTest, CommitWithMetricsWithoutEndIsRefused) {
  ASSERT_OK(Create("sums", SmallSftSpec()));
  const auto place = Join();
  ASSERT_OK(GetPlan(place, 0));
  cohort::v1::CommitStepRequest request;
  request.set_incarnation(place.incarnation());
  request.set_version(1);
  request.set_digest(std::string(32, 'b'));
  for (int i = 0; i < 1001; ++i) (*request.mutable_metrics())[std::to_string(i)] = 1;
  EXPECT_THAT(Runtime("sums")->CommitStep(request),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("metrics: ")));
}

}  // namespace
}  // namespace cohort::coordinator
