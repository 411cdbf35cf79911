// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_runtime.h"

#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "common/utf8.h"
#include "coordinator/job_demand.h"
#include "coordinator/storage_trouble.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kMaxReasonBytes = 1000;

}  // namespace

JobRuntime::JobRuntime(const CoordinatorContext* context, std::unique_ptr<JobLedger> ledger, ChangedJobs* changed)
    : context_(context),
      name_(ledger->name()),
      sequence_(ledger->record().sequence),
      is_sft_(ledger->spec().has_sft()),
      changed_(changed),
      ledger_(std::move(ledger)),
      opening_(context),
      recorder_(context, ledger_.get()),
      retention_(context->store, ledger_->name(), ledger_->spec().retention()),
      versions_(context, ledger_.get()),
      last_tick_(context->clock->Monotonic()) {
  context_->metrics->AddJob(name_);
  ledger_->Watch([this](const cohort::v1::JobEvent& event) { context_->metrics->training().Observe(name_, event); });
}

std::unique_ptr<JobRuntime> JobRuntime::Load(const CoordinatorContext* context, JobRecord record,
                                             const std::vector<cohort::v1::JobEvent>& events, ChangedJobs* changed) {
  auto ledger = JobLedger::Load(std::move(record), events, context->checkpoint_root, context->store, context->clock,
                                context->events_signal, context->files);
  std::unique_ptr<JobRuntime> runtime(new JobRuntime(context, std::move(ledger), changed));
  absl::MutexLock lock(&runtime->mutex_);
  const cohort::v1::JobSpec& spec = runtime->ledger_->spec();
  runtime->queued_reason_ = absl::StrCat("the coordinator restarted; ", WhyQueued(spec));
  if (spec.has_rlvr()) runtime->recorder_.CatchUp();
  context->metrics->PolicyVersion(runtime->name_).Set(static_cast<double>(runtime->ledger_->job().policy_version()));
  context->metrics->training().ObserveNewest(runtime->name_, events);
  runtime->Advance();
  return runtime;
}

std::unique_ptr<JobRuntime> JobRuntime::Begin(const CoordinatorContext* context, JobRecord record,
                                              ChangedJobs* changed) {
  auto ledger = JobLedger::Begin(std::move(record), context->checkpoint_root, context->store, context->clock,
                                 context->events_signal, context->files);
  std::unique_ptr<JobRuntime> runtime(new JobRuntime(context, std::move(ledger), changed));
  absl::MutexLock lock(&runtime->mutex_);
  runtime->queued_reason_ = WhyQueued(runtime->ledger_->spec());
  runtime->Advance();
  return runtime;
}

absl::StatusOr<GangStart> JobRuntime::StartGang() {
  absl::MutexLock lock(&mutex_);
  if (handout_.HasGang()) {
    return absl::FailedPreconditionError(
        absl::StrCat("ranks of the gang before have not left (", ledger_->name(), ")"));
  }
  COHORT_RETURN_IF_ERROR(Start());
  const VersionRecord resume = ResumePoint();
  const GangStart start = {.incarnation = ledger_->record().incarnation,
                           .resume_checkpoint = resume.checkpoint_path,
                           .resume_version = resume.version};
  handout_.StartGang(start.incarnation, start.resume_version, ledger_->spec().training().world_size());
  stop_reason_.clear();
  stop_cause_ = StopCause::kNone;
  stop_shortfall_.clear();
  last_step_ = context_->clock->Monotonic();
  log::Info("gang_formed", {{"job", ledger_->name()},
                            {"incarnation", start.incarnation},
                            {"resume_version", start.resume_version},
                            {"policy_version", ledger_->job().policy_version()}});
  Moved();
  return start;
}

absl::Status JobRuntime::Start() {
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::JobState state, AfterRequest(ledger_->job().state(), JobRequest::kStart));
  ChargeUse();
  const absl::Status activated = PrepareStart();
  if (IsBeingRead(activated)) return activated;
  if (!activated.ok()) {
    const std::string reason = absl::StrCat("cannot start: ", activated.message());
    if (IsFaultOfJob(activated)) {
      Fail(reason);
    } else {
      Postpone(reason);
    }
    return activated;
  }
  JobRecord next = ledger_->record();
  const bool is_first = next.incarnation == 0;
  ++next.incarnation;
  next.job.set_state(state);
  next.job.clear_state_reason();
  JobChange change;
  if (is_first) change.groups = data_->rescore != nullptr ? data_->rescore->Waiting() : groups_->GroupsOfVersion(0);
  std::vector<GroupRecord> admitted = change.groups;
  COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(next), std::move(change)));
  NoteStanding();
  return is_first ? groups_->Admit(std::move(admitted)) : absl::OkStatus();
}

void JobRuntime::LoseGang(int64_t incarnation, const std::string& reason) {
  absl::MutexLock lock(&mutex_);
  if (handout_.incarnation() != incarnation) return;
  ChargeUse();
  if (ledger_->job().state() == cohort::v1::JOB_STATE_RUNNING && !handout_.stop().has_value()) {
    context_->metrics->GangsLost(ledger_->name()).Increment();
  }
  handout_.EndGang();
  groups_->policies().Clear();
  queued_reason_ = absl::StrCat("waits for ranks: ", reason);
  Moved();
}

void JobRuntime::Tick() {
  EndExpiredLeases();
  absl::MutexLock lock(&mutex_);
  activation_ = absl::OkStatus();
  ChargeUse();
  Advance();
  ReleasePayload();
  PauseIfBudgetIsSpent();
  vitals_.Look(progress_, context_->clock->Monotonic());
  ReportMetrics();
  if (groups_ == nullptr) return;
  std::set<std::string> workers;
  for (const auto& [worker, count] : groups_->leases().LeasesByWorker()) workers.insert(worker);
  const std::set<std::string> kinds = context_->workers->ProcessorKindsOf(workers);
  absl::Status processors;
  if (kinds.size() > 1) {
    processors = absl::FailedPreconditionError(
        absl::StrCat("rollout workers of different processors: ", absl::StrJoin(kinds, ", ")));
  }
  vitals_.processors().Note(processors, context_->clock->Now());
}

absl::Status JobRuntime::Activate() {
  if (groups_ != nullptr) return absl::OkStatus();
  // Not again when what follows fails: the store may be away for as long as it takes to read a dataset.
  if (data_ == nullptr) {
    COHORT_ASSIGN_OR_RETURN(data_, opening_.Take(ledger_->record()));
  }
  COHORT_ASSIGN_OR_RETURN(auto groups, JobGroups::Load(context_, ledger_.get(), data_.get()));
  COHORT_RETURN_IF_ERROR(versions_.Load());
  const auto plan = context_->store->GetPlan(ledger_->name(), ledger_->job().policy_version());
  if (plan.ok()) plan_ = *plan;
  if (!plan.ok() && !absl::IsNotFound(plan.status())) return plan.status();
  COHORT_RETURN_IF_ERROR(StoreFolderWeights());
  groups_ = std::move(groups);
  return absl::OkStatus();
}

void JobRuntime::Postpone(const std::string& reason) {
  const std::string text = common::Printable(reason, kMaxReasonBytes);
  if (ledger_->job().state_reason() == text) return;
  if (queued_reason_ != text) log::Error("job_postponed", {{"job", ledger_->name()}, {"reason", text}});
  queued_reason_ = text;
  NoteBlocked(SetState(ledger_->job().state(), text));
}

void JobRuntime::Moved() {
  ++progress_;
  Advance();
  context_->groups_signal->Notify();
  context_->plans_signal->Notify();
}

}  // namespace cohort::coordinator
