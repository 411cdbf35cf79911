// SPDX-License-Identifier: Apache-2.0
// Jobs that go on although workers, ranks or the coordinator are lost in the middle.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "coordinator/testing/coordinator_fixture.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using CoordinatorFaultTest = CoordinatorFixture;

TEST_F(CoordinatorFaultTest, ExpiredLeaseGivesTheGroupToAnotherWorker) {
  const std::string job = Submit("sums", SmallRlvrSpec());
  StartLearners(1);
  const auto lost = Claim("sleeper", 4);
  ASSERT_EQ(lost.groups_size(), 4);
  ASSERT_EQ(lost.weights_size(), 1);
  loopback_.clock().Advance(absl::Seconds(29));
  loopback_.coordinator().Tick();
  cohort::v1::WorkerHeartbeatRequest heartbeat;
  heartbeat.mutable_worker()->set_worker_id("sleeper");
  heartbeat.add_leases()->set_job(job);
  *heartbeat.mutable_leases(0)->mutable_lease() = lost.groups(0).lease();
  heartbeat.mutable_leases(0)->set_group_id(lost.groups(0).group_id());
  grpc::ClientContext context;
  cohort::v1::WorkerHeartbeatResponse renewed;
  ASSERT_TRUE(loopback_.Connect().rollouts->Heartbeat(&context, heartbeat, &renewed).ok());
  EXPECT_EQ(renewed.lost_size(), 0);
  loopback_.clock().Advance(absl::Seconds(2));
  loopback_.coordinator().Tick();
  const auto taken_over = Claim("other", 4);
  ASSERT_EQ(taken_over.groups_size(), 3) << "the renewed lease is still held";
  EXPECT_EQ(taken_over.groups(0).lease().attempt(), 2);
  cohort::v1::GroupReceipt receipt;
  const CoordinatorStubs stubs = loopback_.Connect();
  const auto old_group = SampleGroup(lost.groups(1), FirstSiblingIsRight());
  ASSERT_TRUE(SubmitGroup(stubs.rollouts.get(), lost.groups(1), old_group, &receipt).ok());
  EXPECT_FALSE(receipt.accepted());
  EXPECT_EQ(receipt.reason(), "lease lost");
  const auto group = SampleGroup(taken_over.groups(0), FirstSiblingIsRight());
  for (int repetition = 0; repetition < 2; ++repetition) {
    ASSERT_TRUE(SubmitGroup(stubs.rollouts.get(), taken_over.groups(0), group, &receipt).ok());
    EXPECT_TRUE(receipt.accepted()) << receipt.reason();
  }
  StartWorkers(1, FirstSiblingIsRight());
  loopback_.clock().Advance(absl::Seconds(31));
  loopback_.coordinator().Tick();
  WatchToEnd(job);
  EXPECT_EQ(Get(job).state(), cohort::v1::JOB_STATE_SUCCEEDED) << Get(job).state_reason();
  EXPECT_THAT(record_.Payload(0), ElementsAre(0, 1, 2, 3));
}

TEST_F(CoordinatorFaultTest, GroupThatFailsEveryAttemptIsDroppedAndTheStepGoesOnWithoutIt) {
  const std::string job = Submit("sums", SmallRlvrSpec());
  StartLearners(1);
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto claimed = Claim("broken", 1);
    ASSERT_EQ(claimed.groups_size(), 1);
    ASSERT_EQ(claimed.groups(0).group_id(), 0);
    cohort::v1::RolloutGroup group = SampleGroup(claimed.groups(0), FirstSiblingIsRight());
    group.mutable_rollouts(0)->clear_behavior_logprobs();
    cohort::v1::GroupReceipt receipt;
    ASSERT_TRUE(SubmitGroup(loopback_.Connect().rollouts.get(), claimed.groups(0), group, &receipt).ok());
    EXPECT_FALSE(receipt.accepted());
    EXPECT_THAT(receipt.reason(), HasSubstr("rollouts[0].behavior_logprobs"));
  }
  StartWorkers(1, FirstSiblingIsRight());
  WatchToEnd(job);
  EXPECT_EQ(Get(job).state(), cohort::v1::JOB_STATE_SUCCEEDED) << Get(job).state_reason();
  EXPECT_EQ(Get(job).dropped_groups().at("errored"), 1);
  EXPECT_THAT(record_.Payload(0), ElementsAre(1, 2, 3));
}

TEST_F(CoordinatorFaultTest, KilledCoordinatorGoesOnWhereItWas) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_training()->set_num_steps(12);
  spec.mutable_training()->set_world_size(2);
  spec.mutable_checkpoint()->set_every_steps(2);
  spec.mutable_rlvr()->mutable_rollout()->set_fixed_lag(1);
  AddEvaluation("greedy", 1, 1.0, &spec);
  const std::string job = Submit("sums", spec);
  StartWorkers(2, FirstSiblingIsRight());
  StartLearners(2);
  for (const int64_t version : {1, 4, 7}) {
    record_.AwaitVersion(version);
    loopback_.Kill();
    loopback_.Start();
  }
  const auto events = WatchToEnd(job);
  EXPECT_EQ(Get(job).state(), cohort::v1::JOB_STATE_SUCCEEDED) << Get(job).state_reason();
  EXPECT_GT(record_.Incarnations().size(), 1u);
  std::vector<int64_t> versions;
  for (const auto& step : Steps(events)) versions.push_back(step.policy_version());
  EXPECT_THAT(versions, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)) << "each step is committed once";
  // The plans that the ranks saw, replays included, chain to the committed digests.
  std::string digest = InitialDigest();
  const auto committed = loopback_.coordinator().context().store->ListVersions(job);
  ASSERT_TRUE(committed.ok());
  for (const VersionRecord& version : *committed) {
    EXPECT_EQ(version.digest, digest) << version.version;
    const auto plan = loopback_.coordinator().context().store->GetPlan(job, version.version);
    if (!plan.ok()) continue;
    std::vector<int64_t> ids;
    for (const auto& group : plan->groups()) ids.push_back(group.group_id());
    EXPECT_THAT(ids, ElementsAre(4 * version.version, 4 * version.version + 1, 4 * version.version + 2,
                                 4 * version.version + 3));
    digest = NextDigest(digest, *plan);
  }
}

TEST_F(CoordinatorFaultTest, RankThatCannotGoOnFailsTheJobWithItsReason) {
  const std::string job = Submit("sums", SmallRlvrSpec());
  const CoordinatorStubs stubs = loopback_.Connect();
  cohort::v1::JoinGangRequest request;
  request.set_learner_id("broken");
  request.mutable_wait()->set_seconds(20);
  cohort::v1::JoinGangResponse place;
  grpc::ClientContext join;
  ASSERT_TRUE(stubs.learners->JoinGang(&join, request, &place).ok());
  ASSERT_EQ(place.job(), job);
  cohort::v1::RankHeartbeatRequest heartbeat;
  heartbeat.set_learner_id("broken");
  heartbeat.set_job(job);
  heartbeat.set_incarnation(place.incarnation());
  heartbeat.set_rank(place.rank());
  heartbeat.set_error("loss is not finite");
  cohort::v1::RankHeartbeatResponse heard;
  grpc::ClientContext context;
  ASSERT_TRUE(stubs.learners->Heartbeat(&context, heartbeat, &heard).ok());
  EXPECT_EQ(Get(job).state(), cohort::v1::JOB_STATE_FAILED);
  EXPECT_EQ(Get(job).state_reason(), "rank 0: loss is not finite");
}

TEST_F(CoordinatorFaultTest, SilentRankDissolvesTheGangAndTheNextOneResumes) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_checkpoint()->set_every_steps(1);
  const std::string job = Submit("sums", spec);
  {
    // A rank that joins and is never heard of again.
    grpc::ClientContext context;
    cohort::v1::JoinGangRequest request;
    request.set_learner_id("silent");
    request.mutable_wait()->set_seconds(20);
    cohort::v1::JoinGangResponse place;
    ASSERT_TRUE(loopback_.Connect().learners->JoinGang(&context, request, &place).ok());
    ASSERT_EQ(place.job(), job);
    ASSERT_EQ(place.incarnation(), 1);
  }
  loopback_.clock().Advance(absl::Seconds(31));
  loopback_.coordinator().Tick();
  EXPECT_EQ(Get(job).state(), cohort::v1::JOB_STATE_QUEUED);
  EXPECT_THAT(Get(job).state_reason(), HasSubstr("rank 0 (silent) was silent"));
  StartLearners(1);
  StartWorkers(1, FirstSiblingIsRight());
  WatchToEnd(job);
  EXPECT_EQ(Get(job).state(), cohort::v1::JOB_STATE_SUCCEEDED) << Get(job).state_reason();
  EXPECT_THAT(record_.Incarnations(), ElementsAre(2));
}

TEST_F(CoordinatorFaultTest, DrainSealsACheckpointAndTheJobResumesFromIt) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_training()->set_num_steps(40);
  const std::string job = Submit("sums", spec);
  StartLearners(1);
  StartWorkers(1, FirstSiblingIsRight());
  record_.AwaitVersion(2);
  EXPECT_TRUE(loopback_.coordinator().Drain(absl::Seconds(20)));
  const int64_t version = Get(job).policy_version();
  ASSERT_LT(version, 40);
  EXPECT_THAT(Get(job).checkpoint_path(), HasSubstr(absl::StrCat("step-", version)));
  loopback_.Kill();
  loopback_.Start();
  WatchToEnd(job);
  EXPECT_EQ(Get(job).state(), cohort::v1::JOB_STATE_SUCCEEDED) << Get(job).state_reason();
  for (int64_t v = 0; v < 40; ++v) EXPECT_EQ(record_.Payload(v).size(), 4u) << "no step is trained twice: " << v;
}

TEST_F(CoordinatorFaultTest, CommitIsRepeatableButAnotherDigestFailsTheJobByName) {
  const std::string job = Submit("warm-start", SmallSftSpec());
  const CoordinatorStubs stubs = loopback_.Connect();
  cohort::v1::JoinGangRequest join;
  join.set_learner_id("rank");
  join.mutable_wait()->set_seconds(20);
  cohort::v1::JoinGangResponse place;
  grpc::ClientContext join_context;
  ASSERT_TRUE(stubs.learners->JoinGang(&join_context, join, &place).ok());
  const auto commit = [&](int64_t version, int64_t incarnation, char digest) {
    cohort::v1::CommitStepRequest request;
    request.set_job(job);
    request.set_incarnation(incarnation);
    request.set_version(version);
    request.set_digest(std::string(32, digest));
    cohort::v1::CommitStepResponse response;
    grpc::ClientContext context;
    return stubs.learners->CommitStep(&context, request, &response);
  };
  EXPECT_EQ(commit(2, 1, 'a').error_code(), grpc::StatusCode::FAILED_PRECONDITION) << "no such plan";
  EXPECT_EQ(commit(1, 7, 'a').error_code(), grpc::StatusCode::ABORTED) << "another incarnation";
  EXPECT_TRUE(commit(1, 1, 'a').ok());
  EXPECT_TRUE(commit(1, 1, 'a').ok());
  EXPECT_EQ(Steps(loopback_.coordinator().context().store->ListEvents(job, 0, 100).value()).size(), 1u);
  EXPECT_EQ(commit(1, 1, 'b').error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Get(job).state(), cohort::v1::JOB_STATE_FAILED);
  EXPECT_THAT(Get(job).state_reason(), HasSubstr("version 1: digest 6262"));
}

}  // namespace
}  // namespace cohort::coordinator
