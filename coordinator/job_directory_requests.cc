// SPDX-License-Identifier: Apache-2.0
// What is asked about a job that is there: get, pause, resume, cancel.
#include <string>

#include "common/status_macros.h"
#include "coordinator/job_directory.h"
#include "coordinator/job_view.h"
#include "coordinator/resource_name.h"
#include "coordinator/storage_trouble.h"

namespace cohort::coordinator {

cohort::v1::Job JobDirectory::View(const cohort::v1::Job& stored) const {
  const auto runtime = Find(stored.name());
  return runtime.ok() ? (*runtime)->View() : StoredView(stored);
}

absl::StatusOr<cohort::v1::Job> JobDirectory::Get(std::string_view name) const {
  COHORT_RETURN_IF_ERROR(CheckJobName(name));
  const auto runtime = Find(name);
  if (runtime.ok()) return (*runtime)->View();
  const auto record = context_->store->GetJob(name);
  if (!record.ok()) return ReadTrouble("look the job up", record.status());
  return StoredView(record->job);
}

absl::StatusOr<cohort::v1::Job> JobDirectory::Pause(const std::string& name, const std::string& etag) {
  return Ask(name, etag, JobRequest::kPause);
}

absl::StatusOr<cohort::v1::Job> JobDirectory::Resume(const std::string& name, const std::string& etag) {
  return Ask(name, etag, JobRequest::kResume);
}

absl::StatusOr<cohort::v1::Job> JobDirectory::Cancel(const std::string& name, const std::string& etag) {
  return Ask(name, etag, JobRequest::kCancel);
}

absl::StatusOr<cohort::v1::Job> JobDirectory::Ask(const std::string& name, const std::string& etag,
                                                  JobRequest request) {
  COHORT_RETURN_IF_ERROR(CheckJobName(name));
  const auto runtime = Find(name);
  if (!runtime.ok()) {
    const auto record = context_->store->GetJob(name);
    if (!record.ok()) return ReadTrouble("look the job up", record.status());
    COHORT_RETURN_IF_ERROR(CheckEtag(record->job, etag));
    COHORT_RETURN_IF_ERROR(AfterRequest(record->job.state(), request).status());
    return StoredView(record->job);
  }
  if (request == JobRequest::kPause) COHORT_RETURN_IF_ERROR((*runtime)->Pause("paused by request", etag));
  if (request == JobRequest::kResume) COHORT_RETURN_IF_ERROR((*runtime)->Resume(etag));
  if (request == JobRequest::kCancel) COHORT_RETURN_IF_ERROR((*runtime)->Cancel(etag));
  return (*runtime)->View();
}

}  // namespace cohort::coordinator
