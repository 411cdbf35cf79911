// SPDX-License-Identifier: Apache-2.0
#include "coordinator/testing/fake_worker.h"

#include <chrono>
#include <utility>

namespace cohort::coordinator {

cohort::v1::RolloutGroup SampleGroup(const cohort::v1::GroupAssignment& assignment, const FakeScore& score) {
  cohort::v1::RolloutGroup group;
  group.set_job(assignment.job());
  group.set_group_id(assignment.group_id());
  group.set_purpose(assignment.purpose());
  group.set_evaluation_run(assignment.evaluation_run());
  group.set_problem_id(assignment.problem().problem_id());
  group.set_epoch(assignment.epoch());
  group.set_attempt(assignment.lease().attempt());
  group.set_policy_version(assignment.policy_version());
  group.add_prompt_token_ids(7);
  for (int sibling = 0; sibling < assignment.group_size(); ++sibling) {
    cohort::v1::Rollout& rollout = *group.add_rollouts();
    rollout.set_sibling(sibling);
    for (int token = 0; token < 2 + sibling; ++token) {
      rollout.add_token_ids(token);
      rollout.add_behavior_logprobs(-0.5F);
    }
    rollout.set_finish_reason(cohort::v1::FINISH_REASON_EOS);
    rollout.set_text("4");
    rollout.set_outcome(cohort::v1::SCORE_OUTCOME_GRADED);
    score(assignment, sibling, &rollout);
  }
  group.mutable_generation_time()->set_nanos(500000000);
  return group;
}

grpc::Status SubmitGroup(cohort::v1::RolloutService::Stub* stub, const cohort::v1::GroupAssignment& assignment,
                         const cohort::v1::RolloutGroup& group, cohort::v1::GroupReceipt* receipt) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  cohort::v1::SubmitGroupsResponse response;
  const auto writer = stub->SubmitGroups(&context, &response);
  cohort::v1::SubmitGroupsRequest first;
  first.set_worker_id("worker");
  *first.mutable_lease() = assignment.lease();
  *first.mutable_group() = group;
  cohort::v1::SubmitGroupsRequest last = first;
  first.mutable_group()->mutable_rollouts()->DeleteSubrange(1, group.rollouts_size() - 1);
  last.mutable_group()->mutable_rollouts()->DeleteSubrange(0, 1);
  last.set_is_last_part(true);
  writer->Write(first);
  writer->Write(last);
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  if (status.ok() && response.receipts_size() == 1) *receipt = response.receipts(0);
  return status;
}

FakeWorker::FakeWorker(LoopbackCoordinator* coordinator, std::string worker_id, FakeScore score)
    : coordinator_(coordinator),
      worker_id_(std::move(worker_id)),
      score_(std::move(score)),
      thread_([this] { Run(); }) {}

void FakeWorker::Run() {
  for (CoordinatorStubs stubs = coordinator_->Connect(); stubs.rollouts != nullptr; stubs = coordinator_->Connect()) {
    while (!coordinator_->IsClosed()) {
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
      cohort::v1::ClaimGroupsRequest request;
      request.mutable_worker()->set_worker_id(worker_id_);
      request.set_max_groups(3);
      request.mutable_wait()->set_nanos(200000000);
      cohort::v1::ClaimGroupsResponse response;
      if (!stubs.rollouts->ClaimGroups(&context, request, &response).ok()) break;
      for (const auto& assignment : response.groups()) {
        cohort::v1::GroupReceipt receipt;
        (void)SubmitGroup(stubs.rollouts.get(), assignment, SampleGroup(assignment, score_), &receipt);
      }
    }
  }
}

FakeScore FirstSiblingIsRight() {
  return [](const cohort::v1::GroupAssignment&, int sibling, cohort::v1::Rollout* rollout) {
    rollout->set_reward(sibling == 0 ? 1 : 0);
  };
}

FakeScore AllRight() {
  return [](const cohort::v1::GroupAssignment&, int, cohort::v1::Rollout* rollout) { rollout->set_reward(1); };
}

}  // namespace cohort::coordinator
