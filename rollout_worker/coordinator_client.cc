// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/coordinator_client.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/grpc_limits.h"
#include "common/grpc_status.h"
#include "common/status_macros.h"
#include "common/telemetry/trace_context.h"

namespace cohort::rollout_worker {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(10);
constexpr absl::Duration kSubmitTimeout = absl::Seconds(20);
// A submit slower than this is taken for a stall.
constexpr int64_t kMinBytesPerSecond = 256 << 10;

void SetDeadline(grpc::ClientContext* context, absl::Duration timeout) {
  context->set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
}

template <typename Response>
absl::StatusOr<Response> ResponseOrStatus(const grpc::Status& status, Response response) {
  if (!status.ok()) return common::FromGrpcStatus(status);
  return response;
}

}  // namespace

std::vector<cohort::v1::RolloutGroup> SplitIntoParts(cohort::v1::RolloutGroup group, int64_t max_part_bytes) {
  std::vector<cohort::v1::RolloutGroup> parts;
  if (static_cast<int64_t>(group.ByteSizeLong()) <= max_part_bytes) {
    parts.push_back(std::move(group));
    return parts;
  }
  google::protobuf::RepeatedPtrField<cohort::v1::Rollout> rollouts;
  rollouts.Swap(group.mutable_rollouts());
  int64_t part_bytes = 0;
  for (cohort::v1::Rollout& rollout : rollouts) {
    const int64_t bytes = static_cast<int64_t>(rollout.ByteSizeLong());
    if (parts.empty() || part_bytes + bytes > max_part_bytes) {
      parts.push_back(group);
      part_bytes = static_cast<int64_t>(group.ByteSizeLong());
    }
    part_bytes += bytes;
    parts.back().add_rollouts()->Swap(&rollout);
  }
  return parts;
}

bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) || absl::IsAborted(status);
}

CoordinatorClient::CoordinatorClient(const std::shared_ptr<grpc::Channel>& channel)
    : stub_(cohort::v1::RolloutService::NewStub(channel)) {}

absl::StatusOr<cohort::v1::ClaimGroupsResponse> CoordinatorClient::ClaimGroups(
    const cohort::v1::ClaimGroupsRequest& request) {
  grpc::ClientContext context;
  const absl::Duration wait = absl::Seconds(request.wait().seconds()) + absl::Nanoseconds(request.wait().nanos());
  SetDeadline(&context, wait + kCallTimeout);
  const common::CallGroup::Member member(&claims_, &context);
  cohort::v1::ClaimGroupsResponse response;
  const grpc::Status status = stub_->ClaimGroups(&context, request, &response);
  return ResponseOrStatus(status, std::move(response));
}

absl::StatusOr<cohort::v1::RolloutSetup> CoordinatorClient::GetRolloutSetup(const std::string& job) {
  grpc::ClientContext context;
  SetDeadline(&context, kCallTimeout);
  const common::CallGroup::Member member(&claims_, &context);
  cohort::v1::GetRolloutSetupRequest request;
  request.set_job(job);
  cohort::v1::RolloutSetup response;
  const grpc::Status status = stub_->GetRolloutSetup(&context, request, &response);
  return ResponseOrStatus(status, std::move(response));
}

absl::StatusOr<cohort::v1::WorkerHeartbeatResponse> CoordinatorClient::Heartbeat(
    const cohort::v1::WorkerHeartbeatRequest& request, absl::Duration timeout) {
  grpc::ClientContext context;
  SetDeadline(&context, timeout);
  const common::CallGroup::Member member(&heartbeats_, &context);
  cohort::v1::WorkerHeartbeatResponse response;
  const grpc::Status status = stub_->Heartbeat(&context, request, &response);
  return ResponseOrStatus(status, std::move(response));
}

absl::StatusOr<cohort::v1::SubmitGroupsResponse> CoordinatorClient::SubmitGroups(
    const std::string& worker_id, const std::vector<cohort::v1::SubmitGroupsRequest>& groups) {
  int64_t num_bytes = 0;
  for (const cohort::v1::SubmitGroupsRequest& group : groups) num_bytes += static_cast<int64_t>(group.ByteSizeLong());
  grpc::ClientContext context;
  SetDeadline(&context, kSubmitTimeout + absl::Seconds(num_bytes / kMinBytesPerSecond));
  // A call with several groups is about none of them.
  if (groups.size() == 1) {
    const cohort::v1::RolloutGroup& group = groups[0].group();
    common::SendTraceParent(common::TraceIdOf(group.job(), "groups", group.group_id()), "SubmitGroups", &context);
  }
  const common::CallGroup::Member member(&submits_, &context);
  cohort::v1::SubmitGroupsResponse response;
  const auto stream = stub_->SubmitGroups(&context, &response);
  absl::Status unsendable;
  bool is_open = true;
  for (size_t g = 0; g < groups.size() && is_open; ++g) {
    std::vector<cohort::v1::RolloutGroup> parts = SplitIntoParts(groups[g].group(), common::kGrpcPartBytes);
    for (size_t i = 0; i < parts.size() && is_open; ++i) {
      cohort::v1::SubmitGroupsRequest message;
      message.set_worker_id(worker_id);
      *message.mutable_lease() = groups[g].lease();
      message.mutable_group()->Swap(&parts[i]);
      message.set_is_last_part(i + 1 == parts.size());
      if (message.ByteSizeLong() > static_cast<size_t>(common::kMaxGrpcMessageBytes)) {
        unsendable = absl::InvalidArgumentError(absl::StrCat("rollouts: one is larger than a message may be (",
                                                             message.ByteSizeLong(), " bytes of ",
                                                             common::kMaxGrpcMessageBytes, ")"));
        context.TryCancel();
      }
      is_open = unsendable.ok() && stream->Write(message);
    }
  }
  stream->WritesDone();
  const grpc::Status status = stream->Finish();
  COHORT_RETURN_IF_ERROR(unsendable);
  if (!status.ok()) return common::FromGrpcStatus(status);
  // gRPC 1.51 loses the answer of a client stream that succeeded in one of the channel's own retries.
  if (response.receipts_size() != static_cast<int>(groups.size())) {
    return absl::UnavailableError(
        absl::StrCat("SubmitGroups: ", response.receipts_size(), " receipts for ", groups.size(), " groups"));
  }
  return response;
}

absl::Status CoordinatorClient::ReleaseGroups(const cohort::v1::ReleaseGroupsRequest& request) {
  grpc::ClientContext context;
  SetDeadline(&context, absl::Seconds(2));
  cohort::v1::ReleaseGroupsResponse response;
  return common::FromGrpcStatus(stub_->ReleaseGroups(&context, request, &response));
}

}  // namespace cohort::rollout_worker
