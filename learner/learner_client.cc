// SPDX-License-Identifier: Apache-2.0
#include "learner/learner_client.h"

#include <grpcpp/channel.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_stream.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/grpc_status.h"
#include "common/status_macros.h"
#include "common/telemetry/trace_context.h"

namespace cohort::learner {
namespace {

constexpr absl::Duration kCallDeadline = absl::Seconds(10);
constexpr absl::Duration kHeartbeatDeadline = absl::Seconds(3);

void Prepare(grpc::ClientContext* context, absl::Duration deadline) {
  context->set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(deadline));
  context->set_wait_for_ready(true);
}

// A call that is about the step whose plan starts from `version`; the initial policy comes of none.
void SetStep(const std::string& job, int64_t version, std::string_view call, grpc::ClientContext* context) {
  if (version >= 0) common::SendTraceParent(common::TraceIdOf(job, "steps", version), call, context);
}

absl::Duration WaitOf(const google::protobuf::Duration& wait) {
  return absl::Seconds(wait.seconds()) + absl::Nanoseconds(wait.nanos());
}

// Puts the parts of a step together.
class StepAssembly final {
 public:
  absl::Status Add(cohort::v1::GetStepResponse* part) {
    const bool is_plan = part->part_case() == cohort::v1::GetStepResponse::kPlan;
    if (is_plan == has_plan_) return Refused(is_plan ? "a second plan" : "a part before the plan");
    switch (part->part_case()) {
      case cohort::v1::GetStepResponse::kPlan:
        has_plan_ = true;
        payload_.plan = std::move(*part->mutable_plan());
        return absl::OkStatus();
      case cohort::v1::GetStepResponse::kGroup:
        return AddGroup(part);
      case cohort::v1::GetStepResponse::kDemonstration:
        payload_.demonstrations.push_back(std::move(*part->mutable_demonstration()));
        return CheckCount(payload_.demonstrations.size());
      case cohort::v1::GetStepResponse::PART_NOT_SET:
        break;
    }
    return Refused("a message without a part");
  }

  // Once, after the last part.
  absl::StatusOr<StepPayload> Take() {
    if (payload_.plan.action() == cohort::v1::STEP_ACTION_UNSPECIFIED) return Refused("no plan came");
    if (is_open_) return Refused(absl::StrCat("the last part is missing, group ", payload_.groups.back().group_id()));
    return std::move(payload_);
  }

 private:
  static absl::Status Refused(const std::string& why) {
    return absl::InternalError(absl::StrCat("step payload: ", why));
  }

  absl::Status AddGroup(cohort::v1::GetStepResponse* part) {
    cohort::v1::RolloutGroup& group = *part->mutable_group();
    const bool continues = is_open_;
    is_open_ = !part->is_last_part();
    if (!continues) {
      payload_.groups.push_back(std::move(group));
      return CheckCount(payload_.groups.size());
    }
    cohort::v1::RolloutGroup& open = payload_.groups.back();
    if (group.group_id() != open.group_id()) {
      return Refused(absl::StrCat("a part of group ", group.group_id(), " within group ", open.group_id()));
    }
    for (cohort::v1::Rollout& rollout : *group.mutable_rollouts()) *open.add_rollouts() = std::move(rollout);
    return absl::OkStatus();
  }

  absl::Status CheckCount(size_t count) const {
    if (count <= static_cast<size_t>(payload_.plan.groups_size())) return absl::OkStatus();
    return Refused(absl::StrCat("more groups than the plan has (", payload_.plan.groups_size(), ")"));
  }

  StepPayload payload_;
  bool has_plan_ = false;
  bool is_open_ = false;  // more parts of the last group are to come
};

// One GetStep under way, with a deadline for every message instead of one for the whole. Not thread-safe, but for the
// context, which anybody may cancel.
class StepStream final {
 public:
  StepStream(cohort::v1::LearnerService::Stub* stub, grpc::ClientContext* context,
             const cohort::v1::GetStepRequest& request)
      : context_(context), reader_(stub->AsyncGetStep(context, request, &queue_, this)) {}
  ~StepStream() {
    queue_.Shutdown();
    void* tag;
    bool ok;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  // False at the end, or when `patience` is over; the call is cancelled then.
  bool Start(absl::Duration patience) { return Await(patience); }
  bool Read(cohort::v1::GetStepResponse* part, absl::Duration patience) {
    reader_->Read(part, this);
    return Await(patience);
  }
  grpc::Status Finish() {
    grpc::Status status;
    reader_->Finish(&status, this);
    Await(absl::InfiniteDuration());  // the server has nothing more to say, or the call is cancelled
    return status;
  }
  bool has_timed_out() const { return has_timed_out_; }

 private:
  bool Await(absl::Duration patience) {
    void* tag;
    bool ok = false;
    const auto deadline = patience == absl::InfiniteDuration()
                              ? std::chrono::system_clock::time_point::max()
                              : std::chrono::system_clock::now() + absl::ToChronoMilliseconds(patience);
    if (queue_.AsyncNext(&tag, &ok, deadline) == grpc::CompletionQueue::TIMEOUT) {
      has_timed_out_ = true;
      context_->TryCancel();
      queue_.Next(&tag, &ok);
    }
    return ok;
  }

  grpc::ClientContext* const context_;
  grpc::CompletionQueue queue_;
  const std::unique_ptr<grpc::ClientAsyncReader<cohort::v1::GetStepResponse>> reader_;
  bool has_timed_out_ = false;
};

}  // namespace

LearnerClient::LearnerClient(std::shared_ptr<grpc::Channel> channel, absl::Duration silence)
    : stub_(cohort::v1::LearnerService::NewStub(std::move(channel))), silence_(silence) {}

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
  context.set_wait_for_ready(true);
  SetStep(request.job(), request.version(), "GetStep", &context);
  {
    absl::MutexLock lock(&mutex_);
    step_contexts_.insert(&context);
  }
  StepAssembly assembly;
  absl::Status assembled;
  StepStream stream(stub_.get(), &context, request);
  cohort::v1::GetStepResponse part;
  absl::Duration patience = WaitOf(request.wait()) + silence_;
  bool is_going_on = stream.Start(patience);
  while (is_going_on && stream.Read(&part, patience)) {
    patience = silence_;
    assembled = assembly.Add(&part);
    is_going_on = assembled.ok();
  }
  if (!assembled.ok()) context.TryCancel();
  const absl::Status status = common::FromGrpcStatus(stream.Finish());
  {
    absl::MutexLock lock(&mutex_);
    step_contexts_.erase(&context);
  }
  COHORT_RETURN_IF_ERROR(assembled);
  if (stream.has_timed_out()) {
    return absl::DeadlineExceededError(
        absl::StrCat("step payload: nothing more came for ", absl::FormatDuration(patience)));
  }
  COHORT_RETURN_IF_ERROR(status);
  return assembly.Take();
}

void LearnerClient::CancelSteps() {
  absl::MutexLock lock(&mutex_);
  for (grpc::ClientContext* context : step_contexts_) context->TryCancel();
}

absl::Status LearnerClient::CommitStep(const cohort::v1::CommitStepRequest& request) {
  grpc::ClientContext context;
  Prepare(&context, kCallDeadline);
  SetStep(request.job(), request.version() - 1, "CommitStep", &context);
  cohort::v1::CommitStepResponse response;
  return common::FromGrpcStatus(stub_->CommitStep(&context, request, &response));
}

absl::StatusOr<cohort::v1::PublishVersionResponse> LearnerClient::PublishVersion(
    const cohort::v1::PublishVersionRequest& request) {
  grpc::ClientContext context;
  Prepare(&context, kCallDeadline);
  SetStep(request.job(), request.version() - 1, "PublishVersion", &context);
  cohort::v1::PublishVersionResponse response;
  COHORT_RETURN_IF_ERROR(common::FromGrpcStatus(stub_->PublishVersion(&context, request, &response)));
  return response;
}

absl::StatusOr<cohort::v1::SealCheckpointResponse> LearnerClient::SealCheckpoint(
    const cohort::v1::SealCheckpointRequest& request) {
  grpc::ClientContext context;
  Prepare(&context, kCallDeadline);
  SetStep(request.job(), request.version() - 1, "SealCheckpoint", &context);
  cohort::v1::SealCheckpointResponse response;
  COHORT_RETURN_IF_ERROR(common::FromGrpcStatus(stub_->SealCheckpoint(&context, request, &response)));
  return response;
}

absl::Status LearnerClient::Heartbeat(const cohort::v1::RankHeartbeatRequest& request) {
  grpc::ClientContext context;
  Prepare(&context, kHeartbeatDeadline);
  context.set_wait_for_ready(false);  // the next one comes soon
  cohort::v1::RankHeartbeatResponse response;
  return common::FromGrpcStatus(stub_->Heartbeat(&context, request, &response));
}

}  // namespace cohort::learner
