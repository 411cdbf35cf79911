// SPDX-License-Identifier: Apache-2.0
// Workers that fail again and again, hang up or get rows of megabytes: healthy groups are trained all the same.
#include <gmock/gmock.h>

#include <map>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/fake_worker.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::HasSubstr;

class WorkerFaultTest : public BenchCoordinator {
 protected:
  void Begin(const cohort::v1::JobSpec& spec = SmallRlvrSpec()) { place_ = StartSums(spec); }
  // problems.jsonl with six rows of more than so many bytes.
  void WriteLargeRows(size_t num_bytes) {
    std::string rows;
    for (int i = 0; i < 6; ++i) {
      absl::StrAppend(&rows, R"({"question": ")", std::string(num_bytes, 'q'), R"(", "answer": ")", i, "\"}\n");
    }
    ASSERT_OK(common::WriteFileAtomically(folder_.Join("problems.jsonl"), rows));
  }

  cohort::v1::JoinGangResponse place_;
};

TEST_F(WorkerFaultTest, FaultyWorkerCannotUseUpTheAttemptsOfGroupsThatAHealthyOneCouldSample) {
  Begin();
  ASSERT_EQ(Claim("healthy", 1).groups_size(), 1) << "it is slow";
  for (int round = 0; round < 100; ++round) {
    Release(Claim("faulty", 8), "engine: out of memory");
    clock_.Advance(absl::Milliseconds(100));
  }
  EXPECT_TRUE(Get("sums").dropped_groups().empty());
  const auto claimed = Claim("healthy", 8);
  EXPECT_EQ(claimed.groups_size(), 3);
  ASSERT_OK(Submit(claimed));
  EXPECT_TRUE(Get("sums").dropped_groups().empty());
}

TEST_F(WorkerFaultTest, WorkerThatKeepsFailingIsSetAsideByNameAndComesBackWithASuccess) {
  Begin();
  Release(Claim("only", 8), "bad weights");
  for (int failure = 0; failure < 2; ++failure) {
    const auto probe = Claim("only", 8);
    ASSERT_EQ(probe.groups_size(), 1) << "one at a time";
    ASSERT_EQ(Claim("only", 8).groups_size(), 0) << "until it is known what became of it";
    Release(probe, "bad weights");
  }
  EXPECT_EQ(workers_->NumSetAside(), 1);
  const auto refused = Claim("only", 8);
  EXPECT_EQ(refused.groups_size(), 0);
  EXPECT_TRUE(refused.is_set_aside());
  EXPECT_EQ(refused.set_aside_reason(), "after 3 failures (bad weights)");
  EXPECT_THAT(Runtime("sums")->Waiting().waits_for, HasSubstr("set aside: only after 3 failures (bad weights)"));
  clock_.Advance(absl::Seconds(2));
  const auto probe = Claim("only", 8);
  ASSERT_EQ(probe.groups_size(), 1);
  EXPECT_FALSE(probe.is_set_aside());
  ASSERT_OK(Submit(probe));
  EXPECT_EQ(workers_->NumSetAside(), 0);
  EXPECT_EQ(Claim("only", 8).groups_size(), 2) << "group 0 was given up by its third failure";
  EXPECT_FALSE(Claim("only", 8).is_set_aside()) << "there is just no work";
}

TEST_F(WorkerFaultTest, GarbageCountsAgainstTheWorkerThatSentIt) {
  Begin();
  const auto claimed = Claim("garbler", 4);
  std::vector<Submission> submissions;
  for (const auto& assignment : claimed.groups()) {
    submissions.push_back({.lease = assignment.lease(), .group = {}});
    submissions.back().group.set_job(assignment.job());
    submissions.back().group.set_group_id(assignment.group_id());
  }
  ASSERT_OK_AND_ASSIGN(const auto receipts, rollouts_->Submit(submissions));
  for (const auto& receipt : receipts) EXPECT_FALSE(receipt.accepted());
  EXPECT_EQ(workers_->NumSetAside(), 1);
  EXPECT_EQ(Claim("other", 8).groups_size(), 4);
}

TEST_F(WorkerFaultTest, TokenOutsideOfTheVocabularyCountsAgainstTheWorkerAndNotAgainstTheJob) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_model()->set_vocab_size(8);
  Begin(spec);
  const auto claimed = Claim("garbler", 1);
  ASSERT_EQ(claimed.groups_size(), 1);
  Submission submission{.lease = claimed.groups(0).lease(),
                        .group = SampleGroup(claimed.groups(0), FirstSiblingIsRight())};
  submission.group.mutable_rollouts(1)->set_token_ids(0, 8);
  ASSERT_OK_AND_ASSIGN(const auto receipts, rollouts_->Submit({submission}));
  EXPECT_FALSE(receipts[0].accepted());
  EXPECT_THAT(receipts[0].reason(), HasSubstr("rollouts[1].token_ids: must be below the model's vocab_size, 8 (8)"));
  EXPECT_EQ(Claim("garbler", 4).groups_size(), 1) << "on probation";
  ASSERT_OK(Submit(Claim("healthy", 8)));
  EXPECT_EQ(Get("sums").state(), cohort::v1::JOB_STATE_RUNNING);
  EXPECT_TRUE(Get("sums").dropped_groups().empty());
}

TEST_F(WorkerFaultTest, FailedGroupIsNotKeptForAnotherWorkerForEver) {
  Begin();
  ASSERT_EQ(Claim("asleep", 1).groups_size(), 1);
  Release(Claim("a", 1), "out of memory");
  const auto next = Claim("a", 1);
  ASSERT_EQ(next.groups_size(), 1);
  EXPECT_EQ(next.groups(0).group_id(), 2) << "group 1 waits for the other worker";
  ASSERT_OK(Submit(next));
  ASSERT_OK(Submit(Claim("a", 1)));
  EXPECT_EQ(Claim("a", 1).groups_size(), 0);
  clock_.Advance(absl::Seconds(60));
  EXPECT_EQ(Claim("a", 1).groups(0).group_id(), 1) << "which did not come";
}

TEST_F(WorkerFaultTest, CallWhoseWorkerHungUpTakesNoGroupsAndCountsNoAttempt) {
  Begin();
  EXPECT_EQ(Claim("gone", 8, /*is_cancelled=*/true).groups_size(), 0);
  const auto claimed = Claim("here", 8);
  EXPECT_EQ(claimed.groups_size(), 4);
  ASSERT_OK(Submit(claimed));
  ASSERT_OK_AND_ASSIGN(const auto groups, store_.GetGroups(NameOf("sums"), {0, 1, 2, 3}));
  for (const GroupRecord& group : groups) EXPECT_EQ(group.failed_attempts, 0);
}

TEST_F(WorkerFaultTest, ClaimOfLargeRowsFitsOneMessageAndAlwaysBringsOne) {
  WriteLargeRows(700 << 10);
  Begin();
  std::set<int64_t> ids;
  for (int claims = 0; claims < 4 && ids.size() < 4; ++claims) {
    const auto claimed = Claim("worker", 8);
    EXPECT_GT(claimed.groups_size(), 0);
    EXPECT_LT(claimed.ByteSizeLong(), size_t{4} << 20);
    for (const auto& group : claimed.groups()) ids.insert(group.group_id());
  }
  EXPECT_EQ(ids.size(), 4u);
}

TEST_F(WorkerFaultTest, GroupsThatDoNotFitAClaimWaitForTheNextOne) {
  WriteLargeRows(1200 << 10);
  Begin();
  const auto first = Claim("worker", 4);
  const auto second = Claim("other", 4);
  EXPECT_EQ(first.groups_size(), 2);
  EXPECT_EQ(second.groups_size(), 2);
  EXPECT_EQ(first.weights_size(), 1);
  EXPECT_EQ(Runtime("sums")->GroupsByWorker(), (std::map<std::string, int64_t>{{"other", 2}, {"worker", 2}}));
  std::set<int64_t> ids;
  for (const auto& claimed : {first, second}) {
    for (const auto& group : claimed.groups()) ids.insert(group.group_id());
  }
  EXPECT_EQ(ids, (std::set<int64_t>{0, 1, 2, 3}));
}

TEST_F(WorkerFaultTest, ReasonOfAWorkerIsCutSoThatItsEventCanBeSent) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_rlvr()->mutable_rollout()->set_max_attempts(1);
  Begin(spec);
  Release(Claim("loud", 1), std::string(3 << 20, '\n'));
  EXPECT_EQ(Get("sums").dropped_groups().at("errored"), 1);
  ASSERT_OK_AND_ASSIGN(const auto events, store_.ListEvents(NameOf("sums"), 0, 100));
  for (const auto& event : events) EXPECT_LT(event.ByteSizeLong(), 10000u);
  ASSERT_OK(Runtime("sums")->Abandon(place_.incarnation(), std::string(3 << 20, 'x')));
  EXPECT_LT(Get("sums").ByteSizeLong(), 10000u);
}

}  // namespace
}  // namespace cohort::coordinator
