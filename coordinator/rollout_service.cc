// SPDX-License-Identifier: Apache-2.0
#include "coordinator/rollout_service.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/grpc_status.h"
#include "common/status_macros.h"

namespace cohort::coordinator {
namespace {

// Groups of one stream share an fdatasync, up to this much.
constexpr int64_t kBatchBytes = 8 << 20;
// A group larger than this is no group.
constexpr int64_t kMaxGroupBytes = int64_t{1} << 28;
// The receipts of a stream are one message of at most 4 MiB.
constexpr int kMaxGroups = 4096;

// Puts the parts of a stream together and submits whole groups in batches.
class SubmitStream final {
 public:
  SubmitStream(RolloutDispatch* rollouts, cohort::v1::SubmitGroupsResponse* response)
      : rollouts_(rollouts), response_(response) {}

  absl::Status Add(cohort::v1::SubmitGroupsRequest request) {
    bytes_ += static_cast<int64_t>(request.group().ByteSizeLong());
    if (!open_.has_value()) {
      open_.emplace();
      open_->lease = request.lease();
      open_->group = std::move(*request.mutable_group());
    } else {
      const bool is_same =
          open_->group.job() == request.group().job() && open_->group.group_id() == request.group().group_id();
      if (!is_same) {
        return common::InvalidField("group.group_id", absl::StrCat(request.group().group_id()),
                                    absl::StrCat("group ", open_->group.group_id(), " has no last part"));
      }
      for (auto& rollout : *request.mutable_group()->mutable_rollouts())
        *open_->group.add_rollouts() = std::move(rollout);
    }
    if (bytes_ > kBatchBytes + kMaxGroupBytes) {
      return common::InvalidField("group", absl::StrCat(bytes_, " bytes"), "is too large");
    }
    if (!request.is_last_part()) return absl::OkStatus();
    if (response_->receipts_size() + static_cast<int>(batch_.size()) == kMaxGroups) {
      return common::InvalidField("group", absl::StrCat(kMaxGroups + 1),
                                  "more groups than one answer has receipts for");
    }
    batch_.push_back(*std::move(open_));
    open_.reset();
    return bytes_ >= kBatchBytes ? Flush() : absl::OkStatus();
  }

  absl::Status Finish() {
    if (open_.has_value()) {
      return common::InvalidField("is_last_part", "false", "the stream ended inside a group");
    }
    return Flush();
  }

 private:
  absl::Status Flush() {
    COHORT_ASSIGN_OR_RETURN(auto receipts, rollouts_->Submit(std::move(batch_)));
    for (auto& receipt : receipts) *response_->add_receipts() = std::move(receipt);
    batch_.clear();
    bytes_ = 0;
    return absl::OkStatus();
  }

  RolloutDispatch* const rollouts_;
  cohort::v1::SubmitGroupsResponse* const response_;
  std::optional<Submission> open_;
  std::vector<Submission> batch_;
  int64_t bytes_ = 0;
};

template <typename Answer>
grpc::Status Reply(absl::StatusOr<Answer> answer, Answer* response) {
  if (answer.ok()) *response = *std::move(answer);
  return common::ToGrpcStatus(answer.status());
}

}  // namespace

grpc::Status RolloutServiceImpl::ClaimGroups(grpc::ServerContext* context,
                                             const cohort::v1::ClaimGroupsRequest* request,
                                             cohort::v1::ClaimGroupsResponse* response) {
  return Reply(coordinator_->rollouts().Claim(*request, [context] { return context->IsCancelled(); }), response);
}

grpc::Status RolloutServiceImpl::GetRolloutSetup(grpc::ServerContext*,
                                                 const cohort::v1::GetRolloutSetupRequest* request,
                                                 cohort::v1::RolloutSetup* response) {
  return Reply(coordinator_->rollouts().Setup(request->job()), response);
}

grpc::Status RolloutServiceImpl::Heartbeat(grpc::ServerContext*, const cohort::v1::WorkerHeartbeatRequest* request,
                                           cohort::v1::WorkerHeartbeatResponse* response) {
  return Reply(coordinator_->rollouts().Heartbeat(*request), response);
}

grpc::Status RolloutServiceImpl::SubmitGroups(grpc::ServerContext*,
                                              grpc::ServerReader<cohort::v1::SubmitGroupsRequest>* reader,
                                              cohort::v1::SubmitGroupsResponse* response) {
  SubmitStream stream(&coordinator_->rollouts(), response);
  absl::Status status;
  cohort::v1::SubmitGroupsRequest request;
  while (status.ok() && reader->Read(&request)) status = stream.Add(std::move(request));
  if (status.ok()) status = stream.Finish();
  return common::ToGrpcStatus(status);
}

grpc::Status RolloutServiceImpl::ReleaseGroups(grpc::ServerContext*, const cohort::v1::ReleaseGroupsRequest* request,
                                               cohort::v1::ReleaseGroupsResponse*) {
  coordinator_->rollouts().Release(*request);
  return grpc::Status::OK;
}

}  // namespace cohort::coordinator
