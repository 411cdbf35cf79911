// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_DIRECTORY_H_
#define COHORT_COORDINATOR_JOB_DIRECTORY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cohort/v1/job_service.pb.h"
#include "coordinator/changed_jobs.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/job_lifecycle.h"
#include "coordinator/job_runtime.h"
#include "coordinator/served_jobs.h"

namespace cohort::coordinator {

// Everything about a spec that needs files: model, datasets, verifiers. Takes a resolved spec, the model folder and
// where datasets are, and returns the spec with the defaults that depend on the model. See preflight.h.
using PreflightCheck = std::function<absl::StatusOr<cohort::v1::JobSpec>(
    const cohort::v1::JobSpec& spec, const std::string& model_path, const DatasetRoots& roots)>;

// All jobs: creates and finds them, and keeps the runtime of every job that has not ended. Thread-safe; the
// context must outlive it.
class JobDirectory final {
 public:
  // Takes up the unfinished jobs of the store.
  static absl::StatusOr<std::unique_ptr<JobDirectory>> Open(const CoordinatorContext* context,
                                                            PreflightCheck preflight);

  // As JobService says. Nothing is left behind when it fails. Submits do not wait for each other, with two exceptions.
  // One with the name or the request_id of another that is under way waits for that one's answer, up to 5 s, and is
  // then UNAVAILABLE. And with a limit of jobs per namespace the jobs are counted under a lock, one submit after the
  // other.
  absl::StatusOr<cohort::v1::Job> Create(const cohort::v1::CreateJobRequest& request);
  absl::StatusOr<cohort::v1::Job> Get(std::string_view name) const;
  absl::StatusOr<cohort::v1::Job> Pause(const std::string& name, const std::string& etag = "");
  absl::StatusOr<cohort::v1::Job> Resume(const std::string& name, const std::string& etag = "");
  absl::StatusOr<cohort::v1::Job> Cancel(const std::string& name, const std::string& etag = "");
  // FAILED_PRECONDITION also while ranks of the job have not left, a moment after its end.
  absl::Status Delete(const cohort::v1::DeleteJobRequest& request);
  // A stored job as it is answered, with what is true of it now.
  cohort::v1::Job View(const cohort::v1::Job& stored) const;

  // NOT_FOUND when there is no such job or it has ended and its ranks have left.
  absl::StatusOr<std::shared_ptr<JobRuntime>> Find(std::string_view name) const;
  // Oldest first.
  std::vector<std::shared_ptr<JobRuntime>> Runtimes() const;
  // The running ones in the order in which workers are theirs.
  ServedJobs& served() { return served_; }
  // What the queue is to look at again; a job that is there no more has been let go.
  ChangedJobs& changed() { return changed_; }
  // Lets go of ended jobs whose ranks have left.
  void Reap();

 private:
  // A job that is being created.
  struct PendingJob {
    std::string request_id;  // or empty
    // Everything is checked, its namespace had room, and the jobs it begins with were there: all of that stays so.
    bool is_admitted = false;
    std::vector<std::string> sources;  // they are not deleted from now on
  };

  JobDirectory(const CoordinatorContext* context, PreflightCheck preflight);

  // job_directory_submit.cc
  // Waits until no other job with this name or request_id is being created, but UNAVAILABLE after 5 s. Once it is
  // there the caller takes it out of pending_ again.
  absl::Status Reserve(const std::string& name, const cohort::v1::CreateJobRequest& request)
      ABSL_LOCKS_EXCLUDED(admission_mutex_);
  // The rest of Create.
  absl::StatusOr<cohort::v1::Job> Submit(const std::string& name_space, const cohort::v1::CreateJobRequest& request)
      ABSL_LOCKS_EXCLUDED(admission_mutex_, mutex_);
  // The resolved spec and the folder of the initial policy.
  absl::StatusOr<JobRecord> Check(const std::string& name_space, const cohort::v1::CreateJobRequest& request) const;
  // Spec, model folder and data of a job with a model, and of one that judges stored rollouts.
  absl::Status CheckFiles(const std::string& name_space, const cohort::v1::JobSpec& spec, JobRecord* record) const;
  absl::Status CheckRescore(const std::string& name_space, const cohort::v1::JobSpec& spec, JobRecord* record) const;
  // Whether the namespace has room for the job, and what it begins with is there; from then on both stay so.
  absl::Status Admit(const cohort::v1::Job& job) ABSL_LOCKS_EXCLUDED(admission_mutex_);
  absl::StatusOr<cohort::v1::Job> Store(JobRecord record) ABSL_LOCKS_EXCLUDED(admission_mutex_, mutex_);
  // RESOURCE_EXHAUSTED when the namespace may not have this job now.
  absl::Status CheckNamespace(const std::string& name_space, const cohort::v1::JobSpec& spec) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(admission_mutex_);
  // Names of the jobs whose checkpoint or rollouts a job begins with.
  static std::vector<std::string> SourcesOf(const std::string& name, const cohort::v1::JobSpec& spec);
  // What Pause, Resume and Cancel have in common.
  absl::StatusOr<cohort::v1::Job> Ask(const std::string& name, const std::string& etag, JobRequest request);
  absl::Status CheckMayBeDeleted(const cohort::v1::DeleteJobRequest& request) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(admission_mutex_);
  // FAILED_PRECONDITION while the deletion of one of them is under way.
  absl::Status CheckNotBeingDeleted(const std::vector<std::string>& jobs) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(admission_mutex_);
  // FAILED_PRECONDITION when a job that the given one begins with is deleted, or is being.
  absl::Status CheckSourcesAreKept(const cohort::v1::Job& job) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(admission_mutex_);

  const CoordinatorContext* const context_;
  const PreflightCheck preflight_;
  ServedJobs served_;
  ChangedJobs changed_;
  // Jobs are admitted, and checked for deletion, one at a time. Apart from mutex_, because that asks other jobs, and
  // one that reads its dataset answers late.
  mutable absl::Mutex admission_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  std::set<std::string> deleting_ ABSL_GUARDED_BY(admission_mutex_);             // jobs whose deletion is under way
  std::map<std::string, PendingJob> pending_ ABSL_GUARDED_BY(admission_mutex_);  // by name
  mutable absl::Mutex mutex_;
  // Names of pending jobs from before they are stored until they are in runtimes_.
  std::set<std::string, std::less<>> being_stored_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<JobRuntime>, std::less<>> runtimes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_DIRECTORY_H_
