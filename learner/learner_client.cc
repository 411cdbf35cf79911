// SPDX-License-Identifier: Apache-2.0
#include "learner/learner_client.h"

#include <grpcpp/channel.h>

#include <chrono>
#include <utility>

#include "common/grpc_status.h"
#include "common/status_macros.h"

namespace cohort::learner {
namespace {

constexpr absl::Duration kCallDeadline = absl::Seconds(10);
constexpr absl::Duration kHeartbeatDeadline = absl::Seconds(3);

void Prepare(grpc::ClientContext* context, absl::Duration deadline) {
  context->set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(deadline));
  context->set_wait_for_ready(true);
}

absl::Duration WaitOf(const google::protobuf::Duration& wait) {
  return absl::Seconds(wait.seconds()) + absl::Nanoseconds(wait.nanos());
}

// Puts the parts of a step together; `open` is the group whose parts are still coming.
absl::Status AddPart(cohort::v1::GetStepResponse* part, bool* is_open, StepPayload* payload) {
  switch (part->part_case()) {
    case cohort::v1::GetStepResponse::kPlan:
      payload->plan = std::move(*part->mutable_plan());
      return absl::OkStatus();
    case cohort::v1::GetStepResponse::kGroup:
      if (*is_open) {
        auto* rollouts = part->mutable_group()->mutable_rollouts();
        for (cohort::v1::Rollout& rollout : *rollouts) *payload->groups.back().add_rollouts() = std::move(rollout);
      } else {
        payload->groups.push_back(std::move(*part->mutable_group()));
      }
      *is_open = !part->is_last_part();
      return absl::OkStatus();
    case cohort::v1::GetStepResponse::kDemonstration:
      payload->demonstrations.push_back(std::move(*part->mutable_demonstration()));
      return absl::OkStatus();
    case cohort::v1::GetStepResponse::PART_NOT_SET:
      break;
  }
  return absl::InternalError("step payload: a message without a part");
}

}  // namespace

LearnerClient::LearnerClient(std::shared_ptr<grpc::Channel> channel)
    : stub_(cohort::v1::LearnerService::NewStub(std::move(channel))) {}

absl::StatusOr<cohort::v1::JoinGangResponse> LearnerClient::JoinGang(const cohort::v1::JoinGangRequest& request) {
  grpc::ClientContext context;
  Prepare(&context, WaitOf(request.wait()) + kCallDeadline);
  {
    absl::MutexLock lock(&mutex_);
    if (join_cancelled_) return absl::CancelledError("join: cancelled");
    join_context_ = &context;
  }
  cohort::v1::JoinGangResponse response;
  const absl::Status status = common::FromGrpcStatus(stub_->JoinGang(&context, request, &response));
  absl::MutexLock lock(&mutex_);
  join_context_ = nullptr;
  COHORT_RETURN_IF_ERROR(status);
  return response;
}

void LearnerClient::CancelJoin() {
  absl::MutexLock lock(&mutex_);
  join_cancelled_ = true;
  if (join_context_ != nullptr) join_context_->TryCancel();
}

absl::StatusOr<StepPayload> LearnerClient::GetStep(const cohort::v1::GetStepRequest& request) {
  grpc::ClientContext context;
  Prepare(&context, WaitOf(request.wait()) + kCallDeadline);
  StepPayload payload;
  cohort::v1::GetStepResponse part;
  absl::Status status;
  bool is_open = false;
  const auto stream = stub_->GetStep(&context, request);
  while (stream->Read(&part)) {
    if (status.ok()) status = AddPart(&part, &is_open, &payload);
  }
  COHORT_RETURN_IF_ERROR(common::FromGrpcStatus(stream->Finish()));
  COHORT_RETURN_IF_ERROR(status);
  if (payload.plan.action() == cohort::v1::STEP_ACTION_UNSPECIFIED) {
    return absl::InternalError("step payload: no plan came");
  }
  return payload;
}

absl::Status LearnerClient::CommitStep(const cohort::v1::CommitStepRequest& request) {
  grpc::ClientContext context;
  Prepare(&context, kCallDeadline);
  cohort::v1::CommitStepResponse response;
  return common::FromGrpcStatus(stub_->CommitStep(&context, request, &response));
}

absl::StatusOr<cohort::v1::PublishVersionResponse> LearnerClient::PublishVersion(
    const cohort::v1::PublishVersionRequest& request) {
  grpc::ClientContext context;
  Prepare(&context, kCallDeadline);
  cohort::v1::PublishVersionResponse response;
  COHORT_RETURN_IF_ERROR(common::FromGrpcStatus(stub_->PublishVersion(&context, request, &response)));
  return response;
}

absl::Status LearnerClient::SealCheckpoint(const cohort::v1::SealCheckpointRequest& request) {
  grpc::ClientContext context;
  Prepare(&context, kCallDeadline);
  cohort::v1::SealCheckpointResponse response;
  return common::FromGrpcStatus(stub_->SealCheckpoint(&context, request, &response));
}

absl::Status LearnerClient::Heartbeat(const cohort::v1::RankHeartbeatRequest& request) {
  grpc::ClientContext context;
  Prepare(&context, kHeartbeatDeadline);
  context.set_wait_for_ready(false);  // the next one comes soon
  cohort::v1::RankHeartbeatResponse response;
  return common::FromGrpcStatus(stub_->Heartbeat(&context, request, &response));
}

}  // namespace cohort::learner
