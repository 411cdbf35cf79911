// SPDX-License-Identifier: Apache-2.0
#include "coordinator/testing/fake_worker.h"

#include <chrono>
#include <utility>

namespace cohort::coordinator {
namespace {

constexpr int kSubmitAttempts = 20;

}  // namespace

grpc::Status SubmitGroup(cohort::v1::RolloutService::Stub* stub, const cohort::v1::GroupAssignment& assignment,
                         const cohort::v1::RolloutGroup& group, cohort::v1::GroupReceipt* receipt,
                         const std::string& worker_id) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  cohort::v1::SubmitGroupsResponse response;
  const auto writer = stub->SubmitGroups(&context, &response);
  cohort::v1::SubmitGroupsRequest first;
  first.set_worker_id(worker_id);
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
        // What was not answered is submitted again, as a worker does.
        for (int attempt = 0; attempt < kSubmitAttempts && !coordinator_->IsClosed(); ++attempt) {
          const auto group = SampleGroup(assignment, score_);
          const grpc::Status status = SubmitGroup(stubs.rollouts.get(), assignment, group, &receipt, worker_id_);
          if (status.ok() && !receipt.try_again()) break;
        }
      }
    }
  }
}

}  // namespace cohort::coordinator
