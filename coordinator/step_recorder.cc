// SPDX-License-Identifier: Apache-2.0
#include "coordinator/step_recorder.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "rollout_log/recorded_run.h"

namespace cohort::coordinator {

void StepRecorder::Record(int64_t version) {
  const absl::Status written = Write(version);
  if (!written.ok()) log::Warning("steps_log", {{"job", ledger_->name()}, {"error", written}});
  is_behind_ = !written.ok();
}

absl::Status StepRecorder::Write(int64_t version) {
  const std::string path = absl::StrCat(ledger_->run_folder().path(), "/", rollout_log::kRecordedRunFile);
  COHORT_ASSIGN_OR_RETURN(const std::vector<VersionRecord> versions, context_->store->ListVersions(ledger_->name()));
  rollout_log::RecordedRunContents contents;
  for (const VersionRecord& record : versions) {
    const bool is_wanted = record.version > 0 && (is_behind_ ? record.version <= version : record.version == version);
    if (!is_wanted) continue;
    COHORT_ASSIGN_OR_RETURN(cohort::v1::RecordedStep step, ReadStep(record.version, record.digest));
    contents.steps.push_back(std::move(step));
  }
  if (!is_behind_) {
    if (contents.steps.empty()) return absl::NotFoundError(absl::StrCat("version not stored (", version, ")"));
    return rollout_log::AppendRecordedStep(path, contents.steps.front());
  }
  contents.run.set_job(ledger_->name());
  *contents.run.mutable_spec() = ledger_->spec();
  contents.run.set_model_path(ledger_->record().model_path);
  contents.run.set_rollout_log_directory(context_->rollout_log_directory);
  return rollout_log::WriteRecordedRun(path, contents);
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

}  // namespace cohort::coordinator
