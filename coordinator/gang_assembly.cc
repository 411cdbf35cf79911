// SPDX-License-Identifier: Apache-2.0
#include "coordinator/gang_assembly.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "coordinator/poll_deadline.h"
#include "coordinator/run_folder.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kMaxIdBytes = 256;

}  // namespace

GangAssembly::GangAssembly(const CoordinatorContext* context, JobDirectory* directory)
    : context_(context), directory_(directory), gangs_(context->lease_duration) {}

absl::StatusOr<cohort::v1::JoinGangResponse> GangAssembly::Join(const cohort::v1::JoinGangRequest& request,
                                                                const std::function<bool()>& is_cancelled) {
  COHORT_RETURN_IF_ERROR(BeginJoin(request));
  const absl::Time deadline = PollDeadline(request.wait());
  for (int64_t seen = context_->plans_signal->count();; seen = context_->plans_signal->count()) {
    if (HasPlace(request.learner_id())) break;
    // Forming may have moved the signal itself.
    if (!context_->plans_signal->WaitBeyond(seen, deadline, is_cancelled)) break;
  }
  return EndJoin(request.learner_id());
}

absl::Status GangAssembly::BeginJoin(const cohort::v1::JoinGangRequest& request) {
  if (request.learner_id().empty()) return common::InvalidField("learner_id", "", "a learner needs an id");
  if (request.learner_id().size() > kMaxIdBytes) {
    return common::InvalidField("learner_id", request.learner_id(), "must be at most 256 bytes");
  }
  gangs_.BeginWait(request, context_->clock->Monotonic());
  return absl::OkStatus();
}

bool GangAssembly::HasPlace(const std::string& learner_id) {
  FormGangs();
  return gangs_.HasPlace(learner_id);
}

cohort::v1::JoinGangResponse GangAssembly::EndJoin(const std::string& learner_id) {
  const std::optional<GangPlace> place = gangs_.EndWait(learner_id, context_->clock->Monotonic());
  cohort::v1::JoinGangResponse response;
  if (!place.has_value()) return response;
  const auto runtime = directory_->Find(place->job);
  if (!runtime.ok()) return response;
  const JobRecord record = (*runtime)->Snapshot();
  response.set_job(place->job);
  response.set_rank(place->rank);
  response.set_world_size(place->world_size);
  response.set_incarnation(place->incarnation);
  response.set_store_address(place->store_address);
  *response.mutable_spec() = record.job.spec();
  response.set_model_path(record.model_path);
  response.set_checkpoint_directory(
      RunFolder(context_->files, context_->checkpoint_root, place->job).CheckpointDirectory());
  absl::MutexLock lock(&mutex_);
  const auto start = starts_.find(place->job);
  // Otherwise the gang is over by now.
  if (start == starts_.end() || start->second.incarnation != place->incarnation) return cohort::v1::JoinGangResponse();
  response.set_resume_checkpoint(start->second.resume_checkpoint);
  response.set_resume_version(start->second.resume_version);
  return response;
}

absl::Status GangAssembly::Heartbeat(const cohort::v1::RankHeartbeatRequest& request) {
  if (request.job().empty()) return absl::OkStatus();
  COHORT_RETURN_IF_ERROR(
      gangs_.Hear(request.job(), request.incarnation(), request.rank(), context_->clock->Monotonic()));
  if (!request.is_draining() && request.error().empty()) return absl::OkStatus();
  COHORT_ASSIGN_OR_RETURN(const auto runtime, FindJob(request.job()));
  // By incarnation: a heartbeat may be that of a gang which was dissolved a moment ago.
  if (!request.error().empty()) {
    return runtime->Abandon(request.incarnation(), absl::StrCat("rank ", request.rank(), ": ", request.error()));
  }
  return runtime->RequestStop(request.incarnation(), absl::StrCat("rank ", request.rank(), " (", request.learner_id(),
                                                                  ") was asked to terminate"));
}

absl::StatusOr<cohort::v1::StepPlan> GangAssembly::WaitForPlan(const cohort::v1::GetStepRequest& request,
                                                               const std::function<bool()>& is_cancelled) {
  const absl::Time deadline = PollDeadline(request.wait());
  COHORT_ASSIGN_OR_RETURN(const auto runtime, FindJob(request.job()));
  for (int64_t seen = context_->plans_signal->count();; seen = context_->plans_signal->count()) {
    COHORT_RETURN_IF_ERROR(
        gangs_.Hear(request.job(), request.incarnation(), request.rank(), context_->clock->Monotonic()));
    COHORT_ASSIGN_OR_RETURN(auto plan, runtime->GetPlan(request));
    if (plan.has_value()) {
      if (plan->action() == cohort::v1::STEP_ACTION_STOP) gangs_.SetStopping(request.job(), request.incarnation());
      return *std::move(plan);
    }
    if (!context_->plans_signal->WaitBeyond(seen, deadline, is_cancelled)) break;
  }
  return absl::UnavailableError(absl::StrCat("no plan yet: waits for ", runtime->Waiting().waits_for));
}

absl::StatusOr<std::shared_ptr<JobRuntime>> GangAssembly::FindJob(const std::string& job) const {
  auto runtime = directory_->Find(job);
  if (runtime.ok()) return runtime;
  return absl::AbortedError(absl::StrCat("the gang was dissolved, join again (", job, " is over)"));
}

void GangAssembly::Tick() {
  for (const auto& runtime : directory_->Runtimes()) {
    const auto overdue = runtime->TakeOverdueStop();
    if (overdue.has_value()) gangs_.End(*overdue);
  }
  FormGangs(/*is_time_passed=*/true);
}

void GangAssembly::Drain(const std::string& reason) {
  {
    absl::MutexLock lock(&mutex_);
    is_draining_ = true;
  }
  for (const auto& runtime : directory_->Runtimes()) runtime->RequestStop(reason);
}

bool GangAssembly::IsDrained() const {
  for (const auto& runtime : directory_->Runtimes()) {
    if (!runtime->IsStopped()) return false;
  }
  return true;
}

bool GangAssembly::CollectLost() {
  const std::vector<LostGang> all_lost = gangs_.TakeLost(context_->clock->Monotonic());
  for (const LostGang& lost : all_lost) {
    log::Info("gang_dissolved", {{"job", lost.job}, {"incarnation", lost.incarnation}, {"reason", lost.reason}});
    const auto runtime = directory_->Find(lost.job);
    if (runtime.ok()) (*runtime)->LoseGang(lost.incarnation, lost.reason);
    absl::MutexLock lock(&mutex_);
    const auto start = starts_.find(lost.job);
    if (start != starts_.end() && start->second.incarnation == lost.incarnation) starts_.erase(start);
  }
  return !all_lost.empty();
}

}  // namespace cohort::coordinator
