// SPDX-License-Identifier: Apache-2.0
// RESCORE jobs: stored completions of another job, judged anew.
#include <gmock/gmock.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "common/testing/status_matchers.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/fake_worker.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Two committed steps of four groups of two; the first completion of each group is right.
class RescoreJobTest : public BenchCoordinator {
 protected:
  void SetUp() override {
    BenchCoordinator::SetUp();
    ASSERT_OK(Create("source", SmallRlvrSpec()));
    const auto place = Join();
    for (int64_t version = 0; version < 2; ++version) {
      ASSERT_OK(Publish(place, version, static_cast<char>('a' + version)));
      ASSERT_OK(Submit(Claim("worker", 4)).status());
      ASSERT_OK(GetPlan(place, version).status());
      ASSERT_OK(Commit(place, version + 1, static_cast<char>('b' + version)));
    }
  }
  void CreateAndStart(const cohort::v1::JobSpec& spec) {
    const auto job = Create("again", spec);
    ASSERT_OK(job);
    EXPECT_EQ(job->spec().rescore().last_step(), 2);
    Tick();
    EXPECT_EQ(Get("again").state(), cohort::v1::JOB_STATE_RUNNING) << Get("again").state_reason();
  }
  std::vector<cohort::v1::GroupReceipt> Judge(const cohort::v1::ClaimGroupsResponse& claimed, const FakeScore& score) {
    std::vector<Submission> submissions;
    for (const auto& assignment : claimed.groups()) {
      submissions.push_back({.lease = assignment.lease(), .group = SampleGroup(assignment, score)});
    }
    return *rollouts_->Submit(submissions);
  }
  void ReleasePayload(int64_t group_id) {
    JobChange change;
    change.groups = *store_.GetGroups(NameOf("source"), {group_id});
    change.groups[0].location = {};
    ASSERT_OK(store_.Apply(NameOf("source"), change));
  }
};

TEST_F(RescoreJobTest, StoredCompletionsAreJudgedAnewAndCompared) {
  CreateAndStart(SmallRescoreSpec("source"));
  const auto claimed = Claim("worker", 20);
  ASSERT_EQ(claimed.groups_size(), 8);
  EXPECT_TRUE(claimed.weights().empty());
  std::set<int64_t> ids;
  for (const auto& group : claimed.groups()) {
    EXPECT_EQ(group.job(), NameOf("again"));
    EXPECT_EQ(group.purpose(), cohort::v1::GROUP_PURPOSE_RESCORE);
    EXPECT_EQ(group.policy_version(), group.group_id() / 4);
    EXPECT_FALSE(group.problem().answer().empty());
    ASSERT_EQ(group.stored().rollouts_size(), 2);
    EXPECT_EQ(group.stored().rollouts(1).text(), "4");
    EXPECT_TRUE(group.stored().rollouts(1).token_ids().empty());
    EXPECT_TRUE(group.stored().rollouts(1).scores().empty());
    ids.insert(group.group_id());
  }
  EXPECT_EQ(ids.size(), 8u);
  ASSERT_OK_AND_ASSIGN(const auto setup, rollouts_->Setup(NameOf("again")));
  EXPECT_TRUE(setup.model_path().empty());
  EXPECT_EQ(setup.reward().verifiers(0).name(), "again");
  for (const auto& receipt : Judge(claimed, AllRight())) EXPECT_TRUE(receipt.accepted()) << receipt.reason();
  const cohort::v1::Job job = Get("again");
  EXPECT_EQ(job.state(), cohort::v1::JOB_STATE_SUCCEEDED) << job.state_reason();
  EXPECT_EQ(job.rescore().num_groups(), 8);
  EXPECT_EQ(job.rescore().num_completions(), 16);
  EXPECT_EQ(job.rescore().num_no_verdict(), 0);
  EXPECT_DOUBLE_EQ(job.rescore().mean_old_reward(), 0.5);
  EXPECT_DOUBLE_EQ(job.rescore().mean_new_reward(), 1);
  EXPECT_DOUBLE_EQ(job.rescore().unchanged_share(), 0.5);
  EXPECT_DOUBLE_EQ(job.rescore().mean_values().at("again"), 1);
  ASSERT_OK_AND_ASSIGN(const auto events, store_.ListEvents(job.name(), 0, 100));
  ASSERT_EQ(events.size(), 4u) << "queued, running, rescore, succeeded";
  EXPECT_EQ(events[2].rescore().num_groups(), 8);
  ASSERT_OK_AND_ASSIGN(const auto groups, store_.GetGroups(job.name(), {5}));
  ASSERT_OK_AND_ASSIGN(const auto judged, log_->Read(groups[0].location));
  EXPECT_EQ(judged.job(), job.name());
  EXPECT_EQ(judged.rollouts(1).reward(), 1);
  ASSERT_OK_AND_ASSIGN(const auto originals, store_.GetGroups(NameOf("source"), {5}));
  EXPECT_EQ(originals[0].outcome.planned.rewards(1), 0) << "the other job is as it was";
}

TEST_F(RescoreJobTest, OnlyTheStepsThatAreAskedForAreJudged) {
  cohort::v1::JobSpec spec = SmallRescoreSpec("source");
  spec.mutable_rescore()->set_first_step(1);
  CreateAndStart(spec);
  const auto claimed = Claim("worker", 20);
  ASSERT_EQ(claimed.groups_size(), 4);
  for (const auto& group : claimed.groups()) EXPECT_GE(group.group_id(), 4);
}

TEST_F(RescoreJobTest, CompletionThatIsNotTheStoredOneIsRefused) {
  CreateAndStart(SmallRescoreSpec("source"));
  const auto claimed = Claim("worker", 1);
  const auto receipts = Judge(
      claimed, [](const cohort::v1::GroupAssignment&, int, cohort::v1::Rollout* rollout) { rollout->set_text("5"); });
  ASSERT_EQ(receipts.size(), 1u);
  EXPECT_FALSE(receipts[0].accepted());
  EXPECT_THAT(receipts[0].reason(), StartsWith("rollouts[0].text: is not the stored completion"));
}

TEST_F(RescoreJobTest, JudgedGroupsStayJudgedOverARestart) {
  CreateAndStart(SmallRescoreSpec("source"));
  Judge(Claim("worker", 3), FirstSiblingIsRight());
  Restart();
  Tick();
  const auto rest = Claim("worker", 20);
  EXPECT_EQ(rest.groups_size(), 5);
  Judge(rest, FirstSiblingIsRight());
  EXPECT_EQ(Get("again").state(), cohort::v1::JOB_STATE_SUCCEEDED) << Get("again").state_reason();
  EXPECT_DOUBLE_EQ(Get("again").rescore().unchanged_share(), 1);
}

TEST_F(RescoreJobTest, TooFewVerdictsFailTheJobWithItsResult) {
  CreateAndStart(SmallRescoreSpec("source"));
  Judge(Claim("worker", 20), [](const cohort::v1::GroupAssignment&, int, cohort::v1::Rollout* rollout) {
    rollout->set_outcome(cohort::v1::SCORE_OUTCOME_NO_VERDICT);
  });
  EXPECT_EQ(Get("again").state(), cohort::v1::JOB_STATE_FAILED);
  EXPECT_THAT(Get("again").state_reason(), StartsWith("16 of 16 completions had no verdict"));
  EXPECT_EQ(Get("again").rescore().num_no_verdict(), 16);
}

TEST_F(RescoreJobTest, SubmitNamesWhatIsNotThere) {
  EXPECT_THAT(Create("a", SmallRescoreSpec("nobody")),
              StatusIs(absl::StatusCode::kInvalidArgument, AllOf(StartsWith("rescore.job: "), HasSubstr("nobody"))));
  ASSERT_OK(Create("young", SmallRlvrSpec()));
  EXPECT_THAT(Create("a", SmallRescoreSpec("young")),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("rescore.first_step: must be below 0")));
  ASSERT_OK(Create("demonstrations", SmallSftSpec()));
  EXPECT_THAT(Create("a", SmallRescoreSpec("demonstrations")),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("rescore.job: must be an rlvr job")));
  cohort::v1::JobSpec spec = SmallRescoreSpec("source");
  spec.mutable_rescore()->set_last_step(3);
  EXPECT_THAT(Create("a", spec),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("rescore.last_step: must be at most 2")));
}

TEST_F(RescoreJobTest, ReleasedPayloadIsRefusedByItsFirstStep) {
  ReleasePayload(5);
  EXPECT_THAT(Create("again", SmallRescoreSpec("source")),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("the rollouts of step 1 of namespaces/default/jobs/source are not kept any more")));
  cohort::v1::JobSpec spec = SmallRescoreSpec("source");
  spec.mutable_rescore()->set_last_step(1);
  EXPECT_OK(Create("again", spec));
}

TEST_F(RescoreJobTest, PayloadThatIsReleasedMeanwhileFailsTheJobByName) {
  CreateAndStart(SmallRescoreSpec("source"));
  for (int64_t id = 0; id < 8; ++id) ReleasePayload(id);
  std::filesystem::remove_all(folder_.Join("rollouts"));
  EXPECT_TRUE(Claim("worker", 1).groups().empty());
  EXPECT_EQ(Get("again").state(), cohort::v1::JOB_STATE_FAILED);
  EXPECT_THAT(Get("again").state_reason(), HasSubstr("group 0 of step 0"));
}

TEST_F(RescoreJobTest, SegmentThatIsGoneFailsTheJobAndNotTheWorker) {
  CreateAndStart(SmallRescoreSpec("source"));
  const auto claimed = Claim("worker", 1);
  ASSERT_EQ(claimed.groups_size(), 1);
  std::filesystem::remove_all(folder_.Join("rollouts"));
  const auto receipts = Judge(claimed, FirstSiblingIsRight());
  ASSERT_EQ(receipts.size(), 1u);
  EXPECT_FALSE(receipts[0].accepted());
  EXPECT_EQ(Get("again").state(), cohort::v1::JOB_STATE_FAILED);
  EXPECT_THAT(Get("again").state_reason(), StartsWith("rescore.job: group 0 of step 0 of namespaces/default/jobs/source"
                                                      " is lost: "));
}

TEST_F(RescoreJobTest, OtherRowsThanTheJobWasSubmittedWithAreRefused) {
  WriteRows(11);
  EXPECT_THAT(
      Create("again", SmallRescoreSpec("source")),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("rlvr.data: the rows are not those of the submit")));
}

TEST_F(RescoreJobTest, RubricThatNeedsAnAnswerFieldIsRefusedWithoutIt) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_rlvr()->mutable_data()->mutable_fields()->clear_answer();
  spec.mutable_rlvr()->mutable_reward()->mutable_verifiers(0)->mutable_countdown();
  JobChange change;
  change.job = *store_.GetJob(NameOf("source"));
  *change.job->job.mutable_spec() = spec;
  change.job->data_digest.clear();
  ASSERT_OK(store_.Apply(NameOf("source"), change));
  EXPECT_THAT(Create("again", SmallRescoreSpec("source")),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("rescore.reward: math_answer")));
}

}  // namespace
}  // namespace cohort::coordinator
