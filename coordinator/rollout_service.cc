// SPDX-License-Identifier: Apache-2.0
#include "coordinator/rollout_service.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/grpc_status.h"
#include "common/status_macros.h"
#include "coordinator/claim_queue.h"
#include "coordinator/request_limits.h"

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
      open_->worker_id = request.worker_id();
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
      return common::InvalidField("group", absl::StrCat(bytes_, " bytes"),
                                  absl::StrCat("group ", open_->group.group_id(), " is too large"));
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
      return common::InvalidField("is_last_part", "false",
                                  absl::StrCat("the stream ended inside group ", open_->group.group_id()));
    }
    return Flush();
  }

  // Who began the group that is not whole yet; empty: not said, or there is none.
  std::string WorkerOfOpenGroup() const { return open_.has_value() ? open_->worker_id : ""; }

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

// A claim from its arrival to its answer. gRPC deletes it by OnDone, which comes after ClaimGroups has returned and
// OnCancel, if it comes, is over.
class ClaimCall final : public grpc::ServerUnaryReactor {
 public:
  // gRPC keeps context and response until OnDone.
  ClaimCall(Coordinator* coordinator, ClaimMessages* messages, grpc::CallbackServerContext* context,
            grpc::ByteBuffer* response)
      : coordinator_(coordinator), messages_(messages), context_(context), response_(response) {}

  void Begin(const grpc::ByteBuffer& request) {
    grpc::ByteBuffer bytes = request;  // of the same memory
    const grpc::Status parsed =
        grpc::SerializationTraits<cohort::v1::ClaimGroupsRequest>::Deserialize(&bytes, &request_);
    if (!parsed.ok()) return Finish(parsed);
    const absl::Status limits = CheckRequestLimits(request_);
    if (!limits.ok()) return Finish(common::ToGrpcStatus(limits));
    answer_ = messages_->Take();
    ticket_ = coordinator_->claims().Add(&request_, coordinator_->rollouts().ClaimDeadline(request_),
                                         answer_->message(), [this](const absl::Status& status) { Answer(status); });
  }
  void OnCancel() override { coordinator_->claims().Cancel(ticket_); }
  void OnDone() override { delete this; }

 private:
  void Answer(const absl::Status& status) {
    if (status.ok() && context_->IsCancelled()) coordinator_->rollouts().GiveBack(answer_->message());
    grpc::Status answered = common::ToGrpcStatus(status);
    if (answered.ok()) {
      bool is_own = false;
      answered = grpc::SerializationTraits<cohort::v1::ClaimGroupsResponse>::Serialize(*answer_->message(), response_,
                                                                                       &is_own);
    }
    messages_->TakeBack(std::move(answer_));
    Finish(answered);
  }

  Coordinator* const coordinator_;
  ClaimMessages* const messages_;
  grpc::CallbackServerContext* const context_;
  grpc::ByteBuffer* const response_;
  cohort::v1::ClaimGroupsRequest request_;
  std::unique_ptr<ClaimAnswer> answer_;  // from its request to its answer
  int64_t ticket_ = 0;
};

}  // namespace

grpc::ServerUnaryReactor* RolloutServiceImpl::ClaimGroups(grpc::CallbackServerContext* context,
                                                          const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
  auto* const call = new ClaimCall(coordinator_, &claim_messages_, context, response);
  call->Begin(*request);
  return call;
}

grpc::Status RolloutServiceImpl::GetRolloutSetup(grpc::ServerContext*,
                                                 const cohort::v1::GetRolloutSetupRequest* request,
                                                 cohort::v1::RolloutSetup* response) {
  if (const absl::Status limits = CheckRequestLimits(*request); !limits.ok()) return common::ToGrpcStatus(limits);
  return common::Reply(coordinator_->rollouts().Setup(request->job()), response);
}

grpc::Status RolloutServiceImpl::Heartbeat(grpc::ServerContext*, const cohort::v1::WorkerHeartbeatRequest* request,
                                           cohort::v1::WorkerHeartbeatResponse* response) {
  if (const absl::Status limits = CheckRequestLimits(*request); !limits.ok()) return common::ToGrpcStatus(limits);
  const grpc::Status renewed = common::Reply(coordinator_->rollouts().Heartbeat(*request), response);
  // Behind it: lines may have to wait for the store.
  coordinator_->logs().AddReport(cohort::v1::PROCESS_ROLE_ROLLOUT_WORKER, request->worker().worker_id(),
                                 request->log());
  return renewed;
}

grpc::Status RolloutServiceImpl::SubmitGroups(grpc::ServerContext*,
                                              grpc::ServerReader<cohort::v1::SubmitGroupsRequest>* reader,
                                              cohort::v1::SubmitGroupsResponse* response) {
  SubmitStream stream(&coordinator_->rollouts(), response);
  absl::Status status;
  cohort::v1::SubmitGroupsRequest request;
  while (status.ok() && reader->Read(&request)) status = stream.Add(std::move(request));
  // A stream that ends inside a group, as one that breaks off does, is nobody's fault.
  if (absl::IsInvalidArgument(status)) coordinator_->rollouts().RefuseStream(stream.WorkerOfOpenGroup(), status);
  if (status.ok()) status = stream.Finish();
  return common::ToGrpcStatus(status);
}

grpc::Status RolloutServiceImpl::ReleaseGroups(grpc::ServerContext*, const cohort::v1::ReleaseGroupsRequest* request,
                                               cohort::v1::ReleaseGroupsResponse*) {
  if (const absl::Status limits = CheckRequestLimits(*request); !limits.ok()) return common::ToGrpcStatus(limits);
  coordinator_->rollouts().Release(*request);
  return grpc::Status::OK;
}

}  // namespace cohort::coordinator
