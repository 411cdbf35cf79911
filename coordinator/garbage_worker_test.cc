// SPDX-License-Identifier: Apache-2.0
// A worker that sends garbage to a real server: every kind is refused in one sentence with the field, after three it is
// set aside by name, what others hold is untouched, and honest workers finish the job.
#include <gmock/gmock.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "coordinator/testing/coordinator_fixture.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

constexpr char kGarbler[] = "garbler";
constexpr int kBound = 3;  // failures in a row

class GarbageWorkerTest : public CoordinatorFixture {
 protected:
  static cohort::v1::JobSpec Spec() {
    cohort::v1::JobSpec spec = SmallRlvrSpec();
    spec.mutable_model()->set_vocab_size(16);
    return spec;
  }
  // A job of which the honest worker holds a group.
  void Begin() {
    job_ = Submit("sums", Spec());
    StartLearners(1);
    held_ = Claim("honest", 1);
    ASSERT_EQ(held_.groups_size(), 1);
  }
  // Without a wait.
  cohort::v1::ClaimGroupsResponse ClaimNow(const std::string& worker) {
    grpc::ClientContext context;
    cohort::v1::ClaimGroupsRequest request;
    request.mutable_worker()->set_worker_id(worker);
    request.set_max_groups(1);
    cohort::v1::ClaimGroupsResponse response;
    EXPECT_TRUE(loopback_.Connect().rollouts->ClaimGroups(&context, request, &response).ok());
    return response;
  }
  cohort::v1::GroupReceipt Send(const cohort::v1::GroupAssignment& assignment, const cohort::v1::RolloutGroup& group,
                                const std::string& worker) {
    cohort::v1::GroupReceipt receipt;
    const auto stubs = loopback_.Connect();
    const grpc::Status status = SubmitGroup(stubs.rollouts.get(), assignment, group, &receipt, worker);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return receipt;
  }
  // One stream of these parts.
  grpc::Status SendParts(const std::vector<cohort::v1::SubmitGroupsRequest>& parts) {
    grpc::ClientContext context;
    cohort::v1::SubmitGroupsResponse response;
    const auto stubs = loopback_.Connect();
    const auto writer = stubs.rollouts->SubmitGroups(&context, &response);
    for (const auto& part : parts) {
      if (!writer->Write(part)) break;  // refused already
    }
    writer->WritesDone();
    return writer->Finish();
  }
  static cohort::v1::SubmitGroupsRequest Part(const cohort::v1::GroupAssignment& assignment) {
    cohort::v1::SubmitGroupsRequest part;
    part.set_worker_id(kGarbler);
    *part.mutable_lease() = assignment.lease();
    *part.mutable_group() = SampleGroup(assignment, FirstSiblingIsRight());
    return part;
  }
  void GiveBack(const cohort::v1::GroupAssignment& assignment) {
    grpc::ClientContext context;
    cohort::v1::ReleaseGroupsRequest request;
    request.set_worker_id(kGarbler);
    cohort::v1::GroupLease& lease = *request.add_leases();
    lease.set_job(assignment.job());
    lease.set_group_id(assignment.group_id());
    *lease.mutable_lease() = assignment.lease();
    cohort::v1::ReleaseGroupsResponse response;
    EXPECT_TRUE(loopback_.Connect().rollouts->ReleaseGroups(&context, request, &response).ok());
  }

  // By everything that says so: the answer to a claim, the list of processes, the metric.
  void ExpectSetAside(const std::string& why) {
    const auto answer = ClaimNow(kGarbler);
    EXPECT_EQ(answer.groups_size(), 0);
    EXPECT_TRUE(answer.is_set_aside());
    EXPECT_THAT(answer.set_aside_reason(), AllOf(StartsWith("after 3 failures ("), HasSubstr(why)));
    grpc::ClientContext context;
    cohort::v1::ListProcessesResponse processes;
    ASSERT_TRUE(loopback_.Connect().jobs->ListProcesses(&context, {}, &processes).ok());
    std::string named;
    for (const auto& process : processes.processes()) {
      if (!process.set_aside_reason().empty()) absl::StrAppend(&named, process.id(), " ", process.set_aside_reason());
    }
    EXPECT_THAT(named, AllOf(StartsWith("garbler after 3 failures ("), HasSubstr(why))) << "and nobody else";
    loopback_.coordinator().Tick();
    EXPECT_EQ(loopback_.coordinator().context().metrics->WorkersSetAside().Value(), 1);
  }
  // What the honest worker holds is accepted at its first attempt, and the job ends with every group trained.
  void ExpectHonestWorkersFinish() {
    for (const auto& assignment : held_.groups()) {
      const auto receipt = Send(assignment, SampleGroup(assignment, FirstSiblingIsRight()), "honest");
      EXPECT_TRUE(receipt.accepted()) << receipt.reason();
      const auto groups = loopback_.coordinator().context().store->GetGroups(assignment.job(), {assignment.group_id()});
      ASSERT_TRUE(groups.ok());
      EXPECT_EQ(groups->front().failed_attempts, 0) << assignment.group_id();
    }
    StartWorkers(1, FirstSiblingIsRight());
    for (const auto& job : {job_, other_job_}) {
      if (job.empty()) continue;
      WatchToEnd(job);
      EXPECT_EQ(Get(job).state(), cohort::v1::JOB_STATE_SUCCEEDED) << Get(job).state_reason();
      EXPECT_TRUE(Get(job).dropped_groups().empty());
    }
  }

  std::string job_, other_job_;
  cohort::v1::ClaimGroupsResponse held_;  // by the honest worker
};

struct Garbage {
  std::string name;
  std::string reason;  // begins so
  std::function<void(cohort::v1::RolloutGroup*)> spoil;
};

class MalformedGroupTest : public GarbageWorkerTest, public ::testing::WithParamInterface<Garbage> {};

TEST_P(MalformedGroupTest, IsRefusedByFieldAndSetsTheWorkerAside) {
  ASSERT_NO_FATAL_FAILURE(Begin());
  CaptureStderr();
  for (int failure = 0; failure < kBound; ++failure) {
    const auto claimed = ClaimNow(kGarbler);
    ASSERT_EQ(claimed.groups_size(), 1);
    auto group = SampleGroup(claimed.groups(0), FirstSiblingIsRight());
    GetParam().spoil(&group);
    const auto receipt = Send(claimed.groups(0), group, kGarbler);
    EXPECT_FALSE(receipt.accepted());
    EXPECT_FALSE(receipt.try_again());
    EXPECT_EQ(receipt.group_id(), claimed.groups(0).group_id());
    EXPECT_THAT(receipt.reason(), StartsWith(GetParam().reason));
  }
  const std::string log = GetCapturedStderr();
  EXPECT_THAT(log, AllOf(HasSubstr("submit_refused worker=garbler job=namespaces/default/jobs/sums group="),
                         HasSubstr("worker_set_aside worker=garbler")));
  ExpectSetAside(GetParam().reason);
  EXPECT_EQ(loopback_.coordinator().context().metrics->SubmitsRefused(job_).Value(), kBound);
  ExpectHonestWorkersFinish();
}

INSTANTIATE_TEST_SUITE_P(
    Kind, MalformedGroupTest,
    ::testing::Values(
        Garbage{"TokenCount", "rollouts[0].behavior_logprobs: needs one per token, 3",
                [](auto* group) { group->mutable_rollouts(0)->add_token_ids(3); }},
        Garbage{"NanLogprob", "rollouts[1].behavior_logprobs: must be finite",
                [](auto* group) {
                  group->mutable_rollouts(1)->set_behavior_logprobs(1, std::numeric_limits<float>::quiet_NaN());
                }},
        Garbage{"PositiveLogprob", "rollouts[1].behavior_logprobs: must be finite and at most 0",
                [](auto* group) { group->mutable_rollouts(1)->set_behavior_logprobs(0, 0.5F); }},
        Garbage{"TokenOutsideOfTheVocabulary", "rollouts[1].token_ids: must be below the model's vocab_size, 16",
                [](auto* group) { group->mutable_rollouts(1)->set_token_ids(0, 16); }},
        Garbage{"TooFewSiblings", "rollouts: needs 2 rollouts",
                [](auto* group) { group->mutable_rollouts()->RemoveLast(); }},
        Garbage{"TooManySiblings", "rollouts: needs 2 rollouts",
                [](auto* group) { *group->add_rollouts() = group->rollouts(0); }},
        Garbage{"OtherVersion", "policy_version: must be 0", [](auto* group) { group->set_policy_version(7); }},
        Garbage{"OtherProblem", "problem_id: must be ", [](auto* group) { group->set_problem_id(99); }},
        Garbage{"TooManyTokens", "rollouts[0].token_ids: needs 1 to 8 tokens",
                [](auto* group) {
                  for (int i = 0; i < 9; ++i) group->mutable_rollouts(0)->add_token_ids(1);
                }},
        Garbage{"RewardBeyondTheRubric", "rollouts[0].reward: the rubric's weights add up to",
                [](auto* group) { group->mutable_rollouts(0)->set_reward(1e6); }}),
    [](const auto& instance) { return instance.param.name; });

TEST_F(GarbageWorkerTest, LeaseOfAnotherJobOrWorkerIsNoLease) {
  job_ = Submit("sums", Spec());
  other_job_ = Submit("others", Spec());
  StartLearners(2);
  held_ = Claim("honest", 4);
  ASSERT_EQ(held_.groups_size(), 4) << "all of the job whose weights were there first";
  const auto rest = Claim("honest", 1);
  ASSERT_EQ(rest.groups_size(), 1);
  ASSERT_NE(rest.groups(0).job(), held_.groups(0).job());
  *held_.add_groups() = rest.groups(0);
  const auto own = ClaimNow(kGarbler);
  ASSERT_EQ(own.groups_size(), 1);
  ASSERT_EQ(own.groups(0).job(), rest.groups(0).job());
  // Its own lease for a group of the other job, twice, and for the one that the honest worker holds of the same job.
  for (const int target : {0, 1, 4}) {
    auto group = SampleGroup(held_.groups(target), FirstSiblingIsRight());
    const auto receipt = Send(own.groups(0), group, kGarbler);
    EXPECT_FALSE(receipt.accepted());
    EXPECT_EQ(receipt.job(), held_.groups(target).job());
    EXPECT_EQ(receipt.reason(), "the lease is held by another worker (honest)");
  }
  ExpectSetAside("held by another worker (honest)");
  GiveBack(own.groups(0));
  ExpectHonestWorkersFinish();
}

TEST_F(GarbageWorkerTest, GroupThatIsLeasedToNobodyIsRefused) {
  ASSERT_NO_FATAL_FAILURE(Begin());
  const auto own = ClaimNow(kGarbler);
  ASSERT_EQ(own.groups_size(), 1);
  auto waiting = SampleGroup(own.groups(0), FirstSiblingIsRight());
  waiting.set_group_id(3);
  EXPECT_EQ(Send(own.groups(0), waiting, kGarbler).reason(), "lease lost");
  waiting.set_group_id(1000000);
  EXPECT_EQ(Send(own.groups(0), waiting, kGarbler).reason(), "lease lost");
  waiting.set_job("namespaces/default/jobs/nowhere");
  EXPECT_EQ(Send(own.groups(0), waiting, kGarbler).reason(), "the job has ended");
  GiveBack(own.groups(0));
  ExpectHonestWorkersFinish();
}

TEST_F(GarbageWorkerTest, PartsThatMakeNoGroupAreRefusedAndSetTheWorkerAside) {
  ASSERT_NO_FATAL_FAILURE(Begin());
  const auto own = ClaimNow(kGarbler);
  ASSERT_EQ(own.groups_size(), 1);
  cohort::v1::SubmitGroupsRequest first = Part(own.groups(0)), other = first;
  other.mutable_group()->set_group_id(3);
  const std::string id = absl::StrCat("group ", own.groups(0).group_id());
  CaptureStderr();
  for (int failure = 0; failure < kBound; ++failure) {
    const grpc::Status status = SendParts({first, other});
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), AllOf(StartsWith("group.group_id: "), HasSubstr(id + " has no last")));
  }
  EXPECT_THAT(GetCapturedStderr(), AllOf(HasSubstr("submit_refused worker=garbler"), HasSubstr(id)));
  ExpectSetAside(id + " has no last part");
  GiveBack(own.groups(0));
  ExpectHonestWorkersFinish();
}

TEST_F(GarbageWorkerTest, StreamsThatEndInsideAGroupAreRefusedAndNobodysFault) {
  ASSERT_NO_FATAL_FAILURE(Begin());
  const auto own = ClaimNow(kGarbler);
  ASSERT_EQ(own.groups_size(), 1);
  for (int i = 0; i < kBound; ++i) {
    const grpc::Status status = SendParts({Part(own.groups(0))});
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), AllOf(StartsWith("is_last_part: "),
                                              HasSubstr(absl::StrCat("inside group ", own.groups(0).group_id()))));
  }
  const auto more = ClaimNow(kGarbler);
  ASSERT_EQ(more.groups_size(), 1) << more.set_aside_reason();
  const auto second = ClaimNow(kGarbler);
  ASSERT_EQ(second.groups_size(), 1) << "it is not on probation either";
  for (const auto& claimed : {own, more, second}) GiveBack(claimed.groups(0));
  ExpectHonestWorkersFinish();
}

TEST_F(GarbageWorkerTest, GroupOfHundredsOfMegabytesIsRefusedWhileItComes) {
  ASSERT_NO_FATAL_FAILURE(Begin());
  const auto own = ClaimNow(kGarbler);
  ASSERT_EQ(own.groups_size(), 1);
  cohort::v1::SubmitGroupsRequest part = Part(own.groups(0));
  part.mutable_group()->mutable_rollouts(0)->set_text(std::string(3 << 20, 'x'));
  const grpc::Status status = SendParts(std::vector<cohort::v1::SubmitGroupsRequest>(100, part));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), AllOf(StartsWith("group: "), HasSubstr("too large")));
  const auto probe = ClaimNow(kGarbler);
  ASSERT_EQ(probe.groups_size(), 1) << "it is on probation";
  GiveBack(probe.groups(0));
  GiveBack(own.groups(0));
  ExpectHonestWorkersFinish();
}

}  // namespace
}  // namespace cohort::coordinator
