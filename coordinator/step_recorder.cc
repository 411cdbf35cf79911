// SPDX-License-Identifier: Apache-2.0
#include "coordinator/step_recorder.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "coordinator/deterministic_bytes.h"
#include "coordinator/job_conditions.h"
#include "rollout_log/recorded_run.h"

namespace cohort::coordinator {
namespace {

// Whether the store goes on from where a file ends. Another run may have left one here.
bool IsPrefix(const rollout_log::RecordedRunEnd& end, const cohort::v1::RecordedRun& run,
              const std::vector<VersionRecord>& versions) {
  if (DeterministicBytes(end.run) != DeterministicBytes(run)) return false;
  return end.num_steps == 0 || std::any_of(versions.begin(), versions.end(), [&end](const VersionRecord& record) {
           return record.version == end.num_steps && record.digest == end.last_digest;
         });
}

}  // namespace

void StepRecorder::CatchUp() {
  const int64_t version = ledger_->job().policy_version();
  // The file is made with the first step.
  if (version > 0) Conclude(Complete(), version);
}

void StepRecorder::Record(int64_t version, const std::string& digest) { Conclude(Write(version, digest), version); }

void StepRecorder::Conclude(const absl::Status& written, int64_t version) {
  if (!written.ok()) log::Warning("steps_log", {{"job", ledger_->name()}, {"error", written}});
  recorded_version_ = written.ok() ? version : -1;
}

absl::Status StepRecorder::Write(int64_t version, const std::string& digest) const {
  if (recorded_version_ != version - 1) return Complete();
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::RecordedStep step, ReadStep(version, digest));
  return rollout_log::AppendRecordedStep(Path(), step, context_->files);
}

absl::Status StepRecorder::Complete() const {
  COHORT_ASSIGN_OR_RETURN(const std::vector<VersionRecord> versions, context_->store->ListVersions(ledger_->name()));
  rollout_log::RecordedRunContents missing;
  missing.run = Run();
  const auto end = rollout_log::RepairRecordedRun(Path(), context_->files);
  // A replay that diverged may come back to the same weights: then the last step says nothing about those before it.
  const bool has_diverged = FindCondition(ledger_->job(), cohort::v1::JobCondition::REPLAY_DIVERGED) != nullptr;
  const bool is_prefix = end.ok() && !has_diverged && IsPrefix(*end, missing.run, versions);
  const int64_t num_present = is_prefix ? end->num_steps : 0;
  for (const VersionRecord& record : versions) {
    if (record.version <= num_present) continue;
    if (record.digest.empty()) break;  // a replay is on its way there, and comes by again
    COHORT_ASSIGN_OR_RETURN(cohort::v1::RecordedStep step, ReadStep(record.version, record.digest));
    missing.steps.push_back(std::move(step));
  }
  if (!is_prefix) return rollout_log::WriteRecordedRun(Path(), missing, context_->files);
  for (const cohort::v1::RecordedStep& step : missing.steps) {
    COHORT_RETURN_IF_ERROR(rollout_log::AppendRecordedStep(Path(), step, context_->files));
  }
  return absl::OkStatus();
}

absl::StatusOr<cohort::v1::RecordedStep> StepRecorder::ReadStep(int64_t version, const std::string& digest) const {
  cohort::v1::RecordedStep step;
  COHORT_ASSIGN_OR_RETURN(*step.mutable_plan(), context_->store->GetPlan(ledger_->name(), version - 1));
  std::vector<int64_t> ids;
  for (const cohort::v1::PlannedGroup& group : step.plan().groups()) ids.push_back(group.group_id());
  COHORT_ASSIGN_OR_RETURN(const std::vector<GroupRecord> groups, context_->store->GetGroups(ledger_->name(), ids));
  for (const GroupRecord& group : groups) *step.add_groups() = rollout_log::ToProto(group.location);
  step.set_digest(digest);
  return step;
}

cohort::v1::RecordedRun StepRecorder::Run() const {
  cohort::v1::RecordedRun run;
  run.set_job(ledger_->name());
  *run.mutable_spec() = ledger_->spec();
  run.set_model_path(ledger_->record().model_path);
  run.set_rollout_log_directory(context_->rollout_log_directory);
  return run;
}

std::string StepRecorder::Path() const {
  return absl::StrCat(ledger_->run_folder().path(), "/", rollout_log::kRecordedRunFile);
}

}  // namespace cohort::coordinator
