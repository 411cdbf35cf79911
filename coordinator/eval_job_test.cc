// SPDX-License-Identifier: Apache-2.0
// EVAL jobs: no ranks, a model folder that the workers load, results at the end.
#include <gmock/gmock.h>

#include <string>

#include "common/files.h"
#include "common/sha256.h"
#include "common/testing/status_matchers.h"
#include "coordinator/dataset_opening.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "coordinator/testing/sample_group.h"
#include "gtest/gtest.h"
#include "model/weight_sync/folder_digest.h"
#include "model/weights/model_folder.h"

namespace cohort::coordinator {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class EvalJobTest : public BenchCoordinator {
 protected:
  void SetUp() override {
    BenchCoordinator::SetUp();
    std::string rows;
    for (int i = 0; i < 3; ++i)
      rows += R"({"question": "1 + 7 =", "answer": "8"})"
              "\n";
    ASSERT_OK(common::WriteFileAtomically(folder_.Join("held_out.jsonl"), rows));
  }
  // Four samples of each of the three problems, the first of them right.
  void CreateEval(double min_final_accuracy = 0) {
    cohort::v1::JobSpec spec = SmallEvalSpec(4);
    cohort::v1::EvaluationRun& run = *spec.mutable_evaluation()->mutable_runs(0);
    for (const int32_t k : {1, 2, 4}) run.add_pass_at_k(k);
    run.set_min_final_accuracy(min_final_accuracy);
    const auto job = Create("eval", spec);
    ASSERT_OK(job);
    EXPECT_EQ(job->state(), cohort::v1::JOB_STATE_QUEUED);
    EXPECT_EQ(job->state_reason(), "waits for its turn");
  }
  void ExpectAccepted(const cohort::v1::ClaimGroupsResponse& claimed) {
    ASSERT_OK_AND_ASSIGN(const auto receipts, Submit(claimed));
    for (const auto& receipt : receipts) EXPECT_TRUE(receipt.accepted()) << receipt.reason();
  }
  // The receipt of the only group, sampled with weights whose digest is 32 times the same character.
  cohort::v1::GroupReceipt SubmitWith(const cohort::v1::ClaimGroupsResponse& claimed, char digest) {
    return SubmitWith(claimed, std::string(32, digest));
  }
  cohort::v1::GroupReceipt SubmitWith(const cohort::v1::ClaimGroupsResponse& claimed, const std::string& digest) {
    Submission submission = {.lease = claimed.groups(0).lease(),
                             .group = SampleGroup(claimed.groups(0), FirstSiblingIsRight())};
    submission.group.set_weight_digest(digest);
    const auto receipts = rollouts_->Submit({submission});
    EXPECT_OK(receipts);
    return receipts->front();
  }
  void ExpectResult() {
    const cohort::v1::Job job = Get("eval");
    EXPECT_EQ(job.state(), cohort::v1::JOB_STATE_SUCCEEDED) << job.state_reason();
    ASSERT_EQ(job.evaluations_size(), 1);
    EXPECT_EQ(job.evaluations(0).num_completions(), 12);
    EXPECT_DOUBLE_EQ(job.evaluations(0).accuracy(), 0.25);
    EXPECT_DOUBLE_EQ(job.evaluations(0).pass_at_k().at(1), 0.25);
    EXPECT_DOUBLE_EQ(job.evaluations(0).pass_at_k().at(2), 0.5);
    EXPECT_DOUBLE_EQ(job.evaluations(0).pass_at_k().at(4), 1);
  }
};

TEST_F(EvalJobTest, WorkersLoadTheFolderAndTheJobEndsWithItsResults) {
  CreateEval();
  EXPECT_TRUE(Claim("worker", 10).groups().empty()) << "it has not been started";
  Tick();
  EXPECT_EQ(Get("eval").state(), cohort::v1::JOB_STATE_RUNNING);
  const auto claimed = Claim("worker", 10);
  ASSERT_EQ(claimed.groups_size(), 3);
  EXPECT_EQ(claimed.groups(0).purpose(), cohort::v1::GROUP_PURPOSE_EVALUATE);
  EXPECT_EQ(claimed.groups(0).group_size(), 4);
  ASSERT_EQ(claimed.weights_size(), 1);
  EXPECT_EQ(claimed.weights(0).policy_version(), 0);
  EXPECT_THAT(claimed.weights(0).model_path(), HasSubstr("/model"));
  EXPECT_TRUE(claimed.weights(0).address().empty());
  ASSERT_OK_AND_ASSIGN(const auto setup, rollouts_->Setup(NameOf("eval")));
  EXPECT_EQ(setup.model_path(), claimed.weights(0).model_path());
  ExpectAccepted(claimed);
  ExpectResult();
  ASSERT_OK_AND_ASSIGN(const auto events, store_.ListEvents(NameOf("eval"), 0, 100));
  ASSERT_EQ(events.size(), 4u) << "queued, running, evaluation, succeeded";
  EXPECT_EQ(events[2].evaluation().samples_size(), 3);
}

TEST_F(EvalJobTest, AccuracyBelowTheMinimumFailsByName) {
  CreateEval(/*min_final_accuracy=*/0.5);
  Tick();
  ExpectAccepted(Claim("worker", 10));
  EXPECT_EQ(Get("eval").state(), cohort::v1::JOB_STATE_FAILED);
  EXPECT_THAT(Get("eval").state_reason(), HasSubstr("evaluation sampled: accuracy 0.25 is below min_final_accuracy"));
}

TEST_F(EvalJobTest, ScoredGroupsStayScoredOverARestartAndLeasesAreHonoured) {
  CreateEval();
  Tick();
  ExpectAccepted(Claim("worker", 1));
  const auto held = Claim("worker", 1);
  Restart();
  EXPECT_EQ(Get("eval").state(), cohort::v1::JOB_STATE_QUEUED);
  EXPECT_THAT(Get("eval").state_reason(), StartsWith("the coordinator restarted"));
  ExpectAccepted(held);
  Tick();
  EXPECT_EQ(Get("eval").state(), cohort::v1::JOB_STATE_RUNNING);
  const auto rest = Claim("worker", 10);
  ASSERT_EQ(rest.groups_size(), 1);
  ExpectAccepted(rest);
  ExpectResult();
}

TEST_F(EvalJobTest, WorkerWhoseFolderHoldsOtherWeightsIsRefusedByName) {
  CreateEval();
  Tick();
  const auto other = Claim("other", 1);
  const auto first = Claim("worker", 1);
  const cohort::v1::GroupReceipt refused = SubmitWith(other, 'b');  // the first of the job
  EXPECT_FALSE(refused.accepted());
  EXPECT_THAT(refused.reason(), AllOf(StartsWith("weight_digest: "), HasSubstr("has other weights in "),
                                      HasSubstr("/model than the job"), HasSubstr("6161"), HasSubstr("6262")));
  EXPECT_EQ(NumLost("other", other), 1);
  ASSERT_OK_AND_ASSIGN(const auto returned, store_.GetGroups(NameOf("eval"), {other.groups(0).group_id()}));
  EXPECT_EQ(returned.front().failed_attempts, 0) << "the group is not at fault";
  EXPECT_TRUE(SubmitWith(first, 'a').accepted());
  const auto second = Claim("worker", 1);
  ASSERT_EQ(second.groups_size(), 1);
  EXPECT_TRUE(SubmitWith(second, 'a').accepted());
  EXPECT_TRUE(SubmitWith(Claim("worker", 1), 'a').accepted());
  ExpectResult();
}

TEST_F(EvalJobTest, FolderIsReadOnceWhenTheJobStartsAndWhoeverLoadsItCompares) {
  CreateEval();
  EXPECT_EQ(num_folders_read_, 0) << "a submit does not wait for it";
  Tick();
  ASSERT_OK_AND_ASSIGN(const auto versions, store_.ListVersions(NameOf("eval")));
  ASSERT_EQ(versions.size(), 1u) << "before any group is given out";
  EXPECT_EQ(versions[0].version, 0);
  EXPECT_EQ(versions[0].digest, std::string(32, 'a'));
  const auto held = Claim("worker", 1);
  EXPECT_EQ(held.weights(0).digest(), std::string(32, 'a'));
  folder_digest_ = std::string(32, 'b');
  Restart();
  EXPECT_THAT(SubmitWith(held, 'b').reason(), StartsWith("weight_digest: "));
  Tick();
  const auto rest = Claim("worker", 10);
  ASSERT_EQ(rest.weights_size(), 1);
  EXPECT_EQ(rest.weights(0).digest(), std::string(32, 'a'));
  EXPECT_EQ(num_folders_read_, 1);
}

TEST_F(EvalJobTest, NothingIsGivenOutBeforeTheDigestIsStored) {
  CreateEval();
  int num_writes = 0;
  fault_.before_write = [&] {
    fault_.store = ++num_writes == 1 ? absl::ResourceExhaustedError("No space left on device") : absl::OkStatus();
  };
  Tick();
  EXPECT_EQ(Get("eval").state(), cohort::v1::JOB_STATE_QUEUED);
  EXPECT_TRUE(store_.ListVersions(NameOf("eval"))->empty());
  EXPECT_TRUE(Claim("worker", 10).groups().empty());
  Tick();
  EXPECT_EQ(store_.ListVersions(NameOf("eval"))->size(), 1u);
  ExpectAccepted(Claim("worker", 10));
  ExpectResult();
  EXPECT_EQ(num_folders_read_, 1);
}

TEST_F(EvalJobTest, FolderThatIsGoneIsWaitedForAndADamagedOneFailsTheJob) {
  folder_digest_ = absl::NotFoundError("/models/small: has neither");
  CreateEval();
  Tick();
  EXPECT_EQ(Get("eval").state(), cohort::v1::JOB_STATE_QUEUED);
  EXPECT_THAT(Get("eval").state_reason(), StartsWith("cannot start: model.path: /models/small: "));
  clock_.Advance(DatasetOpening::kFirstWait);
  folder_digest_ = absl::DataLossError("/models/small: truncated");
  Tick();
  EXPECT_EQ(Get("eval").state(), cohort::v1::JOB_STATE_FAILED);
  EXPECT_THAT(Get("eval").state_reason(), StartsWith("cannot start: model.path: /models/small: truncated"));
}

TEST_F(EvalJobTest, DigestIsThatOfTheWeightsInTheFolder) {
  ASSERT_OK(model::WriteRandomModel("examples/arithmetic/model", folder_.Join("model"), /*seed=*/1));
  ASSERT_OK(model::WriteRandomModel("examples/arithmetic/model", folder_.Join("other"), /*seed=*/2));
  ASSERT_OK_AND_ASSIGN(const std::string digest, model::FolderDigest(folder_.Join("model")));
  ASSERT_OK_AND_ASSIGN(const std::string other, model::FolderDigest(folder_.Join("other")));
  context_.read_weight_digest = CoordinatorContext().read_weight_digest;
  CreateEval();
  Tick();
  const auto claimed = Claim("worker", 1);
  EXPECT_EQ(common::HexOf(claimed.weights(0).digest()), common::HexOf(digest));
  EXPECT_FALSE(SubmitWith(claimed, other).accepted());
  EXPECT_TRUE(SubmitWith(Claim("worker", 1), digest).accepted());
}

TEST_F(EvalJobTest, JobWhoseWeightsArePublishedReadsNoModelFolder) {
  StartSums(SmallRlvrSpec());
  Restart();
  Join();
  EXPECT_EQ(num_folders_read_, 0);
}

TEST_F(EvalJobTest, WorkersWithOtherWeightsCostNoGroupItsAttempts) {
  CreateEval();
  Tick();
  EXPECT_TRUE(SubmitWith(Claim("worker", 1), 'a').accepted());
  for (const std::string worker : {"b", "c", "d", "e", "f"}) {
    const auto claimed = Claim(worker, 1);
    ASSERT_EQ(claimed.groups_size(), 1) << worker;
    EXPECT_FALSE(SubmitWith(claimed, worker[0]).accepted());
  }
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(SubmitWith(Claim("worker", 1), 'a').accepted());
  EXPECT_TRUE(Get("eval").dropped_groups().empty());
  ExpectResult();
}

TEST_F(EvalJobTest, WorkerThatDoesNotSayItsWeightsIsRefused) {
  CreateEval();
  Tick();
  const cohort::v1::GroupReceipt refused = SubmitWith(Claim("silent", 1), "");
  EXPECT_FALSE(refused.accepted());
  EXPECT_THAT(refused.reason(), StartsWith("weight_digest: "));
}

TEST_F(EvalJobTest, PauseEndsTheLeasesAtOnceAndResumeGoesOn) {
  CreateEval();
  Tick();
  ExpectAccepted(Claim("worker", 1));
  const auto held = Claim("worker", 1);
  ASSERT_OK(Runtime("eval")->Pause("paused by request"));
  EXPECT_EQ(Get("eval").state(), cohort::v1::JOB_STATE_PAUSED);
  EXPECT_EQ(NumLost("worker", held), 1);
  Tick();
  EXPECT_TRUE(Claim("worker", 10).groups().empty());
  ASSERT_OK(Runtime("eval")->Resume());
  Tick();
  const auto rest = Claim("worker", 10);
  ASSERT_EQ(rest.groups_size(), 2);
  ExpectAccepted(rest);
  ExpectResult();
  const auto groups = store_.ListGroups(NameOf("eval"), {.limit = 10});
  ASSERT_OK(groups);
  ASSERT_EQ(groups->size(), 3u);
  for (const GroupRecord& group : *groups) {
    EXPECT_EQ(group.state, GroupState::kEvaluated);
    EXPECT_EQ(group.failed_attempts, 0) << group.group_id;
  }
}

TEST_F(EvalJobTest, CancelEndsItAtOnce) {
  CreateEval();
  Tick();
  const auto held = Claim("worker", 2);
  ASSERT_OK(Runtime("eval")->Cancel());
  EXPECT_EQ(Get("eval").state(), cohort::v1::JOB_STATE_CANCELLED);
  EXPECT_EQ(NumLost("worker", held), 2);
}

TEST_F(EvalJobTest, ChangedDatasetFailsTheStartByName) {
  CreateEval();
  ASSERT_OK(common::WriteFileAtomically(folder_.Join("held_out.jsonl"), R"({"question": "1", "answer": "1"})"));
  Tick();
  EXPECT_EQ(Get("eval").state(), cohort::v1::JOB_STATE_FAILED);
  EXPECT_THAT(Get("eval").state_reason(), HasSubstr("evaluation.data: the rows are not those of the submit"));
}

TEST_F(EvalJobTest, JobWithRanksIsNotStartedWithoutThem) {
  ASSERT_OK(Create("sums", SmallRlvrSpec()));
  EXPECT_EQ(Runtime("sums")->StartWithoutRanks().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(EvalJobTest, ResumeOfAPauseThatWasStoredHalfGivesOutGroupsAgain) {
  CreateEval();
  Tick();
  int num_writes = 0;
  fault_.before_write = [&] {
    if (++num_writes == 2) fault_.store = absl::ResourceExhaustedError("No space left on device");
  };
  ASSERT_OK(directory_->Pause(NameOf("eval")));
  EXPECT_EQ(Get("eval").state(), cohort::v1::JOB_STATE_PAUSING);
  fault_.before_write = [] {};
  fault_.store = absl::OkStatus();
  ASSERT_OK(directory_->Resume(NameOf("eval")));
  EXPECT_EQ(Get("eval").state(), cohort::v1::JOB_STATE_RUNNING);
  EXPECT_EQ(Claim("worker", 10).groups_size(), 3);
}

}  // namespace
}  // namespace cohort::coordinator
