// SPDX-License-Identifier: Apache-2.0
// What learner ranks ask of a job: plans, commits, published versions, checkpoints.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "common/time_anchor.h"
#include "coordinator/job_runtime.h"
#include "coordinator/step_metrics.h"
#include "coordinator/step_timings.h"
#include "coordinator/storage_trouble.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kDigestBytes = 32;
constexpr int kMaxMetrics = 1000;
constexpr size_t kMaxMetricNameBytes = 128;

absl::Status CheckDigestLength(const std::string& digest) {
  if (digest.size() == kDigestBytes) return absl::OkStatus();
  return common::InvalidField("digest", absl::StrCat(digest.size(), " bytes"), "must be 32 bytes");
}

int64_t TokenCount(double metric) { return metric > 0 && metric < 1e15 ? static_cast<int64_t>(metric) : 0; }

// They travel on in an event, which is one message.
absl::Status CheckMetrics(const cohort::v1::CommitStepRequest& request) {
  if (request.metrics_size() > kMaxMetrics) {
    return common::InvalidField("metrics", absl::StrCat(request.metrics_size()),
                                absl::StrCat("must be at most ", kMaxMetrics));
  }
  for (const auto& [name, value] : request.metrics()) {
    if (name.empty() || name.size() > kMaxMetricNameBytes) {
      return common::InvalidField("metrics", name, absl::StrCat("needs names of 1 to ", kMaxMetricNameBytes, " bytes"));
    }
  }
  return absl::OkStatus();
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
  const bool is_below_resume = request.version() >= 0 && request.version() < handout_.resume_version();
  if (is_below_resume && !HasEnded(ledger_->job().state())) {
    COHORT_RETURN_IF_ERROR(ResumeFrom(request.version()));
  }
  PinStopIfDue();
  const int64_t version = ledger_->job().policy_version();
  const bool is_planned =
      handout_.next_version() < version || (handout_.next_version() == version && plan_.has_value());
  COHORT_ASSIGN_OR_RETURN(const auto answer, handout_.Ask(request.rank(), request.version(), is_planned));
  std::optional<cohort::v1::StepPlan> plan;
  if (answer == StepHandout::Answer::kStop) plan = handout_.stop();
  if (answer == StepHandout::Answer::kTrain) {
    auto stored = context_->store->GetPlan(ledger_->name(), request.version());
    if (!stored.ok()) return ReadTrouble("read the plan", stored.status());
    plan = *std::move(stored);
  }
  if (plan.has_value()) ++progress_;
  if (answer == StepHandout::Answer::kStop) Advance();
  return plan;
}

absl::Status JobRuntime::CommitStep(const cohort::v1::CommitStepRequest& request) {
  absl::MutexLock lock(&mutex_);
  COHORT_RETURN_IF_ERROR(CheckGang(request.incarnation()));
  COHORT_RETURN_IF_ERROR(CheckDigestLength(request.digest()));
  COHORT_RETURN_IF_ERROR(CheckMetrics(request));
  const int64_t version = ledger_->job().policy_version();
  if (request.version() >= 1 && request.version() <= version) {
    return CommitReplayed(request.version(), request.digest());
  }
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
  // The update in progress when a job ended is kept, but nothing follows from it: the end is the last event.
  const bool has_ended = HasEnded(ledger_->job().state());
  std::vector<GroupRecord> admitted;
  std::vector<GroupRecord> surplus;
  if (!has_ended) {
    admitted = groups_->GroupsOfVersion(request.version());
    change.groups.insert(change.groups.end(), admitted.begin(), admitted.end());
    if (request.version() == ledger_->spec().training().num_steps()) surplus = groups_->SurplusGroups();
    change.groups.insert(change.groups.end(), surplus.begin(), surplus.end());
    const auto num_surplus = static_cast<int64_t>(surplus.size());
    if (num_surplus > 0) (*next.job.mutable_dropped_groups())["surplus"] += num_surplus;
    cohort::v1::StepReport& report = *change.events.emplace_back().mutable_step();
    report.set_policy_version(request.version());
    report.set_num_steps(ledger_->spec().training().num_steps());
    for (const auto& [name, value] : StepMetrics(request)) (*report.mutable_metrics())[name] = value;
    std::optional<absl::Time> planned;
    if (planned_at_.has_value()) planned = common::TimeAnchor(context_->clock).At(*planned_at_);
    *report.mutable_timings() = TimingsOfStep(request, is_sft_ ? cohort::v1::StepPlan() : *plan_, planned);
    // Nothing depends on them: a step is worth more.
    const absl::Status plausible = CheckRankTimings(request, ledger_->spec().training().world_size());
    if (!plausible.ok()) {
      report.mutable_timings()->clear_ranks();
      log::Warning("rank_timings_left_out", {{"job", ledger_->name()}, {"error", plausible}});
    }
  }
  const VersionRecord committed = *change.version;
  std::vector<int64_t> trained_ids;
  for (const GroupRecord* group : trained) trained_ids.push_back(group->group_id);
  COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(next), std::move(change)));

  const auto trained_tokens = request.metrics().find("trained_tokens");
  if (trained_tokens != request.metrics().end()) ledger_->meter().AddTokens(TokenCount(trained_tokens->second));
  versions_.Set(committed);
  handout_.Confirm(request.version());
  plan_.reset();
  planned_at_.reset();
  if (!is_sft_) recorder_.Record(request.version(), request.digest());
  for (const int64_t id : trained_ids) COHORT_RETURN_IF_ERROR(groups_->buffer().Finish(id));
  COHORT_RETURN_IF_ERROR(groups_->Drop(surplus, "surplus"));
  if (!has_ended) COHORT_RETURN_IF_ERROR(groups_->Admit(std::move(admitted)));
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
  if (versions_.Find(request.version()) == nullptr) {
    const VersionRecord record = {.version = request.version(), .digest = request.digest()};
    JobChange change;
    change.version = record;
    COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(change)));
    versions_.Set(record);
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
  const VersionRecord* version = versions_.Find(request.version());
  if (version == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat("version: not committed (", request.version(), ")"));
  }
  COHORT_RETURN_IF_ERROR(CheckDigest(request.version(), request.digest()));
  if (version->checkpoint_path == request.path()) return absl::OkStatus();
  COHORT_RETURN_IF_ERROR(versions_.Seal(request.version(), request.path()));
  const absl::Duration sealed_at = context_->clock->Now() - absl::UnixEpoch();
  context_->metrics->CheckpointTime(ledger_->name()).Set(absl::ToDoubleSeconds(sealed_at));
  context_->metrics->SealedVersion(ledger_->name()).Set(static_cast<double>(versions_.NewestSealed()));
  Moved();
  return absl::OkStatus();
}

SealedVersions JobRuntime::Sealed() const {
  const CommittedVersions* versions = &versions_;
  return {.is_sealed = [versions](int64_t version) { return versions->IsSealed(version); },
          .newest = versions->NewestSealed()};
}

std::vector<int64_t> JobRuntime::BestVersions() const {
  absl::MutexLock lock(&mutex_);
  return KeptVersions(ledger_->job().best_versions(), ledger_->spec().checkpoint().keep_best(), Sealed());
}

absl::Status JobRuntime::CheckGang(int64_t incarnation) const {
  if (handout_.HasGang() && handout_.incarnation() == incarnation) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat("the gang was dissolved, join again (incarnation ", incarnation, ")"));
}

absl::Status JobRuntime::CheckDigest(int64_t version, const std::string& digest) {
  const std::string& committed = versions_.Find(version)->digest;
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
  } else if (IsStopping(state)) {
    stop.set_stop_reason(ledger_->job().state_reason());
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
  stop_pinned_at_ = context_->clock->Monotonic();
}

std::map<std::string, double> JobRuntime::StepMetrics(const cohort::v1::CommitStepRequest& request) const {
  std::map<std::string, double> metrics(request.metrics().begin(), request.metrics().end());
  const double max_reward = MaxReward(ledger_->spec().rlvr().reward());
  const auto groups = groups_->buffer().GroupsOfStep(request.version() - 1);
  for (const auto& [name, value] : RolloutMetrics(groups, max_reward)) metrics[name] = value;
  if (!is_sft_) {
    const auto num_sampled = context_->store->CountTrainingGroups(ledger_->name(), request.version() - 1);
    // Absent rather than a reason not to commit.
    if (num_sampled.ok()) metrics["sampled_groups"] = static_cast<double>(*num_sampled);
  }
  metrics["step_seconds"] = absl::ToDoubleSeconds(context_->clock->Monotonic() - last_step_);
  return metrics;
}

}  // namespace cohort::coordinator
