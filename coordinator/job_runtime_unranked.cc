// SPDX-License-Identifier: Apache-2.0
// Jobs without learner ranks: EVAL samples a model folder, RESCORE judges what is stored.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "coordinator/job_demand.h"
#include "coordinator/job_runtime.h"
#include "coordinator/rescore_tracker.h"

namespace cohort::coordinator {
absl::Status JobRuntime::StartWithoutRanks() {
  absl::MutexLock lock(&mutex_);
  if (NeedsRanks(ledger_->spec())) {
    return absl::FailedPreconditionError(absl::StrCat("the job needs learner ranks (", ledger_->name(), ")"));
  }
  COHORT_RETURN_IF_ERROR(Start());
  has_started_without_ranks_ = true;
  if (data_->rescore == nullptr) {
    const std::string& digest = versions_.Find(kModelVersion)->digest;
    groups_->policies().PublishFolder(kModelVersion, ledger_->record().model_path, digest);
  } else {
    for (const int64_t version : data_->rescore->Versions()) groups_->policies().PublishStored(version);
  }
  log::Info("started_without_ranks", {{"job", ledger_->name()}, {"start", ledger_->record().incarnation}});
  Moved();
  return absl::OkStatus();
}

// Before there are groups that a worker could be given, or bring.
absl::Status JobRuntime::StoreFolderWeights() {
  if (!ledger_->spec().has_eval() || versions_.Find(kModelVersion) != nullptr) return absl::OkStatus();
  const VersionRecord model = {.version = kModelVersion, .digest = data_->weight_digest};
  JobChange change;
  change.version = model;
  COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(change)));
  versions_.Set(model);
  log::Info(
      "model_weights",
      {{"job", ledger_->name()}, {"path", ledger_->record().model_path}, {"digest", common::HexOf(model.digest)}});
  return absl::OkStatus();
}

absl::Status JobRuntime::CheckFolderWeights(const cohort::v1::RolloutGroup& group) const {
  if (!ledger_->spec().has_eval()) return absl::OkStatus();
  const std::string& expected = versions_.Find(kModelVersion)->digest;
  if (group.weight_digest() == expected) return absl::OkStatus();
  const absl::Status other =
      common::InvalidField("weight_digest", common::HexOf(group.weight_digest()),
                           absl::StrCat("the worker has other weights in ", ledger_->record().model_path,
                                        " than the job is sampled with, ", common::HexOf(expected)));
  return absl::AbortedError(other.message());
}

absl::Status JobRuntime::FinishRescore() {
  GroupBuffer& buffer = groups_->buffer();
  if (buffer.NumInState(GroupState::kWaiting) + buffer.NumInState(GroupState::kInFlight) > 0) return absl::OkStatus();
  RescoreTracker tracker(ledger_->spec().rescore().reward());
  JobRecord next = ledger_->record();
  JobChange change;
  for (const StoredGroup& stored : data_->rescore->groups()) {
    const GroupRecord* judged = buffer.Find(stored.group_id);
    if (judged == nullptr) {
      tracker.AddDropped(stored.planned);
      continue;
    }
    tracker.AddJudged(stored.planned, judged->outcome.planned);
    change.groups.push_back(*judged);
    change.groups.back().state = GroupState::kEvaluated;
  }
  *next.job.mutable_rescore() = tracker.Result();
  *change.events.emplace_back().mutable_rescore() = next.job.rescore();
  const absl::Status judged = tracker.CheckVerdicts();
  next.job.set_state(judged.ok() ? cohort::v1::JOB_STATE_SUCCEEDED : cohort::v1::JOB_STATE_FAILED);
  next.job.set_state_reason(std::string(judged.message()));
  std::vector<int64_t> ids;
  for (const GroupRecord& group : change.groups) ids.push_back(group.group_id);
  ChargeUse();
  COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(next), std::move(change)));
  // Scored by construction: nothing waits or is in flight.
  for (const int64_t id : ids) COHORT_RETURN_IF_ERROR(buffer.Finish(id));
  const cohort::v1::RescoreResult& result = ledger_->job().rescore();
  log::Info("rescored", {{"job", ledger_->name()},
                         {"groups", result.num_groups()},
                         {"mean_old_reward", result.mean_old_reward()},
                         {"mean_new_reward", result.mean_new_reward()},
                         {"no_verdict", result.num_no_verdict()}});
  Moved();
  return absl::OkStatus();
}

}  // namespace cohort::coordinator
