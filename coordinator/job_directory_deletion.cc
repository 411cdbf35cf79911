// SPDX-License-Identifier: Apache-2.0
// How a job that has ended is forgotten.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "coordinator/job_directory.h"
#include "coordinator/job_view.h"
#include "coordinator/resource_name.h"
#include "coordinator/run_folder.h"
#include "coordinator/storage_trouble.h"

namespace cohort::coordinator {
absl::Status JobDirectory::Delete(const cohort::v1::DeleteJobRequest& request) {
  COHORT_RETURN_IF_ERROR(CheckJobName(request.name()));
  Reap();
  {
    absl::MutexLock lock(&admission_mutex_);
    COHORT_RETURN_IF_ERROR(CheckMayBeDeleted(request));
    deleting_.insert(request.name());
  }
  // The folder first: what fails half-way can be asked for again as long as the job is there. Without the lock: a large
  // folder takes its time.
  absl::Status deleted;
  if (request.delete_run_folder())
    deleted = RunFolder(context_->files, context_->checkpoint_root, request.name()).Remove();
  if (deleted.ok()) deleted = context_->store->DeleteJob(request.name());
  {
    absl::MutexLock lock(&admission_mutex_);
    deleting_.erase(request.name());
  }
  if (!deleted.ok()) return ReadTrouble("delete the job", deleted);
  context_->metrics->ForgetJob(request.name());
  log::Info("job_deleted", {{"job", request.name()}, {"with_run_folder", request.delete_run_folder() ? 1 : 0}});
  if (context_->logs != nullptr) context_->logs->Forget(request.name());
  context_->events_signal->Notify();
  return absl::OkStatus();
}

absl::Status JobDirectory::CheckMayBeDeleted(const cohort::v1::DeleteJobRequest& request) const {
  const std::string& name = request.name();
  const auto record = context_->store->GetJob(name);
  if (!record.ok()) return ReadTrouble("look the job up", record.status());
  COHORT_RETURN_IF_ERROR(CheckEtag(record->job, request.etag()));
  const cohort::v1::JobState state = record->job.state();
  if (!HasEnded(state)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the job has not ended (", cohort::v1::JobState_Name(state), "), cancel it first"));
  }
  if (Find(name).ok()) return absl::FailedPreconditionError("ranks of the job have not left yet; try again");
  if (deleting_.count(name) > 0) return absl::FailedPreconditionError("the job is being deleted");
  const auto needed_by = [&name](const std::string& job, const std::vector<std::string>& sources) -> absl::Status {
    if (std::count(sources.begin(), sources.end(), name) == 0) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat("a job needs it that has not ended (", job, ")"));
  };
  for (const auto& [job, pending] : pending_) COHORT_RETURN_IF_ERROR(needed_by(job, pending.sources));
  for (const auto& runtime : Runtimes()) {
    const cohort::v1::Job job = runtime->Snapshot().job;
    if (!HasEnded(job.state())) COHORT_RETURN_IF_ERROR(needed_by(job.name(), SourcesOf(job.name(), job.spec())));
  }
  return absl::OkStatus();
}

std::vector<std::string> JobDirectory::SourcesOf(const std::string& name, const cohort::v1::JobSpec& spec) {
  std::vector<std::string> sources;
  const std::string name_space = NamespaceOf(name);
  if (spec.model().has_from_job()) sources.push_back(JobName(name_space, spec.model().from_job()));
  if (spec.has_rescore()) sources.push_back(JobName(name_space, spec.rescore().job()));
  return sources;
}

absl::Status JobDirectory::CheckNotBeingDeleted(const std::vector<std::string>& jobs) const {
  for (const std::string& name : jobs) {
    if (deleting_.count(name) == 0) continue;
    return absl::FailedPreconditionError(absl::StrCat("a job of this name is being deleted (", name, "); try again"));
  }
  return absl::OkStatus();
}

absl::Status JobDirectory::CheckSourcesAreKept(const cohort::v1::Job& job) const {
  for (const std::string& source : SourcesOf(job.name(), job.spec())) {
    const auto record = context_->store->GetJob(source);
    if (absl::IsNotFound(record.status()) || deleting_.count(source) > 0) {
      return absl::FailedPreconditionError(absl::StrCat("a job that this one begins with was deleted (", source, ")"));
    }
    if (!record.ok()) return StorageTrouble("look a job up", record.status());
  }
  return absl::OkStatus();
}

}  // namespace cohort::coordinator
