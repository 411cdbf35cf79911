// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_DIRECTORY_H_
#define COHORT_COORDINATOR_JOB_DIRECTORY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cohort/v1/job_service.pb.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/job_runtime.h"

namespace cohort::coordinator {

// Everything about a spec that needs files: model, datasets, verifiers. Takes a resolved spec and the model folder and
// returns the spec with the defaults that depend on the model. See preflight.h.
using PreflightCheck =
    std::function<absl::StatusOr<cohort::v1::JobSpec>(const cohort::v1::JobSpec& spec, const std::string& model_path)>;

// All jobs: creates, finds and lists them, and keeps the runtime of every job that has not ended. Thread-safe; the
// context must outlive it.
class JobDirectory final {
 public:
  // Takes up the unfinished jobs of the store.
  static absl::StatusOr<std::unique_ptr<JobDirectory>> Open(const CoordinatorContext* context,
                                                            PreflightCheck preflight);

  // As JobService says. Nothing is left behind when it fails.
  absl::StatusOr<cohort::v1::Job> Create(const cohort::v1::CreateJobRequest& request);
  absl::StatusOr<cohort::v1::Job> Get(std::string_view name) const;
  absl::StatusOr<cohort::v1::ListJobsResponse> List(const cohort::v1::ListJobsRequest& request) const;
  absl::StatusOr<cohort::v1::Job> Cancel(std::string_view name);

  // NOT_FOUND when there is no such job or it has ended and its ranks have left.
  absl::StatusOr<std::shared_ptr<JobRuntime>> Find(std::string_view name) const;
  // Oldest first.
  std::vector<std::shared_ptr<JobRuntime>> Runtimes() const;
  // Lets go of ended jobs whose ranks have left.
  void Reap();

 private:
  JobDirectory(const CoordinatorContext* context, PreflightCheck preflight);

  // The resolved spec and the folder of the initial policy.
  absl::StatusOr<JobRecord> Check(const std::string& name_space, const cohort::v1::CreateJobRequest& request) const;
  absl::StatusOr<std::string> ModelPath(const std::string& name_space, const cohort::v1::ModelSpec& model) const;
  absl::StatusOr<cohort::v1::Job> Store(JobRecord record);

  const CoordinatorContext* const context_;
  const PreflightCheck preflight_;
  mutable absl::Mutex mutex_;
  std::map<std::string, std::shared_ptr<JobRuntime>, std::less<>> runtimes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_DIRECTORY_H_
