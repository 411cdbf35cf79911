// SPDX-License-Identifier: Apache-2.0
// What learner ranks ask of a job: plans, commits, published versions, checkpoints.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "coordinator/job_runtime.h"
#include "coordinator/step_metrics.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kDigestBytes = 32;

absl::Status CheckDigestLength(const std::string& digest) {
  if (digest.size() == kDigestBytes) return absl::OkStatus();
  return common::InvalidField("digest", absl::StrCat(digest.size(), " bytes"), "must be 32 bytes");
}

}  // namespace

absl::StatusOr<std::optional<cohort::v1::StepPlan>> JobRuntime::GetPlan(const cohort::v1::GetStepRequest& request) {
  absl::MutexLock lock(&mutex_);
  COHORT_RETURN_IF_ERROR(CheckGang(request.incarnation()));
  const int32_t world_size = ledger_->spec().training().world_size();
  if (request.world_size() != world_size || request.rank() < 0 || request.rank() >= world_size) {
    return common::InvalidField("rank", absl::StrCat(request.rank(), " of ", request.world_size()),
                                absl::StrCat("the gang has ", world_size, " ranks"));
  }
  PinStopIfDue();
  const int64_t version = ledger_->job().policy_version();
  const bool is_planned =
      handout_.next_version() < version || (handout_.next_version() == version && plan_.has_value());
  COHORT_ASSIGN_OR_RETURN(const auto answer, handout_.Ask(request.rank(), request.version(), is_planned));
  std::optional<cohort::v1::StepPlan> plan;
  if (answer == StepHandout::Answer::kStop) plan = handout_.stop();
  if (answer == StepHandout::Answer::kTrain) {
    COHORT_ASSIGN_OR_RETURN(plan, context_->store->GetPlan(ledger_->name(), request.version()));
  }
  if (plan.has_value()) ++progress_;
  if (answer == StepHandout::Answer::kStop) Advance();
  return plan;
}

absl::Status JobRuntime::CommitStep(const cohort::v1::CommitStepRequest& request) {
  absl::MutexLock lock(&mutex_);
  COHORT_RETURN_IF_ERROR(CheckGang(request.incarnation()));
  COHORT_RETURN_IF_ERROR(CheckDigestLength(request.digest()));
  const int64_t version = ledger_->job().policy_version();
  if (request.version() >= 1 && request.version() <= version) return CheckDigest(request.version(), request.digest());
  if (request.version() != version + 1 || !plan_.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("version: there is no plan that ends in it (", request.version(), "), the newest is ", version));
  }
  JobRecord next = ledger_->record();
  next.job.set_policy_version(request.version());
  JobChange change;
  change.version = VersionRecord{.version = request.version(), .digest = request.digest()};
  const auto trained = groups_->buffer().GroupsOfStep(version);
  for (const GroupRecord* group : trained) {
    change.groups.push_back(*group);
    change.groups.back().state = GroupState::kTrained;
  }
  std::vector<GroupRecord> admitted = groups_->GroupsOfVersion(request.version());
  change.groups.insert(change.groups.end(), admitted.begin(), admitted.end());
  cohort::v1::StepReport& report = *change.events.emplace_back().mutable_step();
  report.set_policy_version(request.version());
  report.set_num_steps(ledger_->spec().training().num_steps());
  for (const auto& [name, value] : StepMetrics(request)) (*report.mutable_metrics())[name] = value;
  const VersionRecord committed = *change.version;
  std::vector<int64_t> trained_ids;
  for (const GroupRecord* group : trained) trained_ids.push_back(group->group_id);
  COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(next), std::move(change)));

  versions_[request.version()] = committed;
  plan_.reset();
  for (const int64_t id : trained_ids) COHORT_RETURN_IF_ERROR(groups_->buffer().Finish(id));
  COHORT_RETURN_IF_ERROR(groups_->Admit(std::move(admitted)));
  const absl::Duration now = context_->clock->Monotonic();
  context_->metrics->StepSeconds(ledger_->name()).Observe(absl::ToDoubleSeconds(now - last_step_));
  context_->metrics->PolicyVersion(ledger_->name()).Set(static_cast<double>(request.version()));
  last_step_ = now;
  Moved();
  return absl::OkStatus();
}

absl::StatusOr<int64_t> JobRuntime::PublishVersion(const cohort::v1::PublishVersionRequest& request) {
  absl::MutexLock lock(&mutex_);
  COHORT_RETURN_IF_ERROR(CheckGang(request.incarnation()));
  COHORT_RETURN_IF_ERROR(CheckDigestLength(request.digest()));
  if (request.address().empty()) return common::InvalidField("address", "", "must be host:port of the WeightService");
  const int64_t version = ledger_->job().policy_version();
  if (request.version() < 0 || request.version() > version) {
    return absl::FailedPreconditionError(
        absl::StrCat("version: not committed (", request.version(), "), the newest is ", version));
  }
  if (versions_.count(request.version()) == 0) {
    JobChange change;
    change.version = VersionRecord{.version = request.version(), .digest = request.digest()};
    const VersionRecord record = *change.version;
    COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(change)));
    versions_[request.version()] = record;
  }
  COHORT_RETURN_IF_ERROR(CheckDigest(request.version(), request.digest()));
  groups_->policies().Publish(request.version(), request.address(), request.digest());
  const int64_t oldest = groups_->OldestNeededVersion(version);
  groups_->policies().ForgetBelow(oldest);
  Moved();
  return oldest;
}

absl::Status JobRuntime::SealCheckpoint(const cohort::v1::SealCheckpointRequest& request) {
  absl::MutexLock lock(&mutex_);
  COHORT_RETURN_IF_ERROR(CheckGang(request.incarnation()));
  COHORT_RETURN_IF_ERROR(CheckDigestLength(request.digest()));
  if (request.path().empty()) return common::InvalidField("path", "", "must be the sealed folder");
  const auto it = versions_.find(request.version());
  if (it == versions_.end()) {
    return absl::FailedPreconditionError(absl::StrCat("version: not committed (", request.version(), ")"));
  }
  COHORT_RETURN_IF_ERROR(CheckDigest(request.version(), request.digest()));
  if (it->second.checkpoint_path == request.path()) return absl::OkStatus();
  JobRecord next = ledger_->record();
  if (request.version() == next.job.policy_version()) next.job.set_checkpoint_path(request.path());
  if (next.job.checkpoint_path().empty()) next.job.set_checkpoint_path(request.path());
  JobChange change;
  change.version = it->second;
  change.version->checkpoint_path = request.path();
  COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(next), std::move(change)));
  it->second.checkpoint_path = request.path();
  log::Info("checkpoint_sealed", {{"job", ledger_->name()}, {"version", request.version()}, {"path", request.path()}});
  Moved();
  return absl::OkStatus();
}

absl::Status JobRuntime::CheckGang(int64_t incarnation) const {
  if (handout_.HasGang() && handout_.incarnation() == incarnation) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat("the gang was dissolved, join again (incarnation ", incarnation, ")"));
}

absl::Status JobRuntime::CheckDigest(int64_t version, const std::string& digest) {
  const std::string& committed = versions_[version].digest;
  if (committed == digest) return absl::OkStatus();
  const std::string text = absl::StrCat("version ", version, ": digest ", common::HexOf(digest),
                                        " differs from the committed one (", common::HexOf(committed), ")");
  context_->metrics->DigestMismatches(ledger_->name()).Increment();
  // Going on would train on weights that the record does not describe.
  Fail(text);
  return absl::FailedPreconditionError(text);
}

void JobRuntime::PinStopIfDue() {
  if (!handout_.HasGang() || handout_.stop().has_value()) return;
  const cohort::v1::JobState state = ledger_->job().state();
  const int64_t version = handout_.next_version();
  const bool is_final = IsLastVersion() && version == ledger_->job().policy_version() &&
                        (groups_->evaluation() == nullptr || HasEnded(state));
  cohort::v1::StepPlan stop;
  if (HasEnded(state)) {
    stop.set_stop_reason(absl::StrCat("the job has ended: ", cohort::v1::JobState_Name(state)));
  } else if (state == cohort::v1::JOB_STATE_CANCELLING) {
    stop.set_stop_reason("cancelled by request");
  } else if (!stop_reason_.empty()) {
    stop.set_stop_reason(stop_reason_);
  } else if (is_final) {
    stop.set_stop_reason("all steps are done");
  } else {
    return;
  }
  // Version 0 is the model itself; a job that failed needs no further checkpoint.
  stop.set_seal_checkpoint(version > 0 && !HasEnded(state) && !IsSealed(version));
  handout_.PinStop(std::move(stop));
}

std::map<std::string, double> JobRuntime::StepMetrics(const cohort::v1::CommitStepRequest& request) const {
  std::map<std::string, double> metrics(request.metrics().begin(), request.metrics().end());
  const double max_reward = MaxReward(ledger_->spec().rlvr().reward());
  const auto groups = groups_->buffer().GroupsOfStep(request.version() - 1);
  for (const auto& [name, value] : RolloutMetrics(groups, max_reward)) metrics[name] = value;
  metrics["step_seconds"] = absl::ToDoubleSeconds(context_->clock->Monotonic() - last_step_);
  return metrics;
}

}  // namespace cohort::coordinator
