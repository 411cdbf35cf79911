// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_directory.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "coordinator/job_ledger.h"

namespace cohort::coordinator {

JobDirectory::JobDirectory(const CoordinatorContext* context, PreflightCheck preflight)
    : context_(context), preflight_(std::move(preflight)) {}

absl::StatusOr<std::unique_ptr<JobDirectory>> JobDirectory::Open(const CoordinatorContext* context,
                                                                 PreflightCheck preflight) {
  std::unique_ptr<JobDirectory> directory(new JobDirectory(context, std::move(preflight)));
  absl::MutexLock lock(&directory->mutex_);
  for (int number = 1; cohort::v1::JobState_IsValid(number); ++number) {
    const auto state = static_cast<cohort::v1::JobState>(number);
    if (HasEnded(state)) continue;
    const JobFilter all{.name_prefix = "", .state = state, .limit = std::numeric_limits<int>::max()};
    COHORT_ASSIGN_OR_RETURN(auto records, context->store->ListJobs(all));
    for (JobRecord& record : records) {
      const std::string name = record.job.name();
      if (directory->runtimes_.count(name) > 0) continue;
      COHORT_ASSIGN_OR_RETURN(const auto events, JobLedger::ReadEvents(context->store, name));
      directory->runtimes_[name] = JobRuntime::Load(context, std::move(record), events, &directory->changed_);
    }
  }
  return directory;
}

absl::StatusOr<std::shared_ptr<JobRuntime>> JobDirectory::Find(std::string_view name) const {
  // A job that is stored is found here, too.
  const auto is_known = [this, name]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return being_stored_.count(name) == 0; };
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&is_known));
  const auto it = runtimes_.find(name);
  if (it == runtimes_.end()) {
    return absl::NotFoundError(absl::StrCat("no unfinished job of this name (", std::string(name), ")"));
  }
  return it->second;
}

std::vector<std::shared_ptr<JobRuntime>> JobDirectory::Runtimes() const {
  std::vector<std::shared_ptr<JobRuntime>> all;
  {
    absl::MutexLock lock(&mutex_);
    all.reserve(runtimes_.size());
    for (const auto& [name, runtime] : runtimes_) all.push_back(runtime);
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a->sequence() < b->sequence(); });
  return all;
}

void JobDirectory::Reap() {
  for (const auto& runtime : Runtimes()) {
    if (!runtime->IsOver()) continue;
    absl::MutexLock lock(&mutex_);
    const auto it = runtimes_.find(runtime->name());
    // Meanwhile it may have been deleted and another job of its name created.
    if (it == runtimes_.end() || it->second != runtime) continue;
    runtimes_.erase(it);
    context_->metrics->ReleaseJob(runtime->name());
    changed_.Add(runtime->name());
  }
}

}  // namespace cohort::coordinator
