// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_GANG_ASSEMBLY_H_
#define COHORT_COORDINATOR_GANG_ASSEMBLY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cohort/v1/learner_service.pb.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/gang_registry.h"
#include "coordinator/job_directory.h"

namespace cohort::coordinator {

// Brings learner ranks and queued jobs together, oldest job first, and takes gangs apart again. A younger job does not
// overtake an older one that needs more ranks. Thread-safe; the dependencies must outlive it.
class GangAssembly final {
 public:
  GangAssembly(const CoordinatorContext* context, JobDirectory* directory);

  // Waits for a place; an empty response when there was none in time.
  absl::StatusOr<cohort::v1::JoinGangResponse> Join(const cohort::v1::JoinGangRequest& request,
                                                    const std::function<bool()>& is_cancelled);
  // ABORTED when the gang was dissolved. A rank's error fails its job.
  absl::Status Heartbeat(const cohort::v1::RankHeartbeatRequest& request);
  // Waits for the plan of request.version. UNAVAILABLE, with what the job waits for, when there was none in time.
  absl::StatusOr<cohort::v1::StepPlan> WaitForPlan(const cohort::v1::GetStepRequest& request,
                                                   const std::function<bool()>& is_cancelled);
  // The job a rank works for. ABORTED when it is over.
  absl::StatusOr<std::shared_ptr<JobRuntime>> FindJob(const std::string& job) const;

  // Time has passed: dissolves gangs with silent ranks and forms those that can be.
  void Tick();
  // Forms no further gang and asks the present ones to stop.
  void Drain(const std::string& reason);
  // Every gang has stopped and sealed what it was asked to.
  bool IsDrained() const;
  int64_t NumWaiting() const { return gangs_.NumWaiting(); }

 private:
  void FormGangs();
  void CollectLost();

  const CoordinatorContext* const context_;
  JobDirectory* const directory_;
  GangRegistry gangs_;
  // Held while gangs form, so that one job is not given to two sets of ranks.
  mutable absl::Mutex mutex_;
  bool is_draining_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, GangStart> starts_ ABSL_GUARDED_BY(mutex_);  // by job
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_GANG_ASSEMBLY_H_
