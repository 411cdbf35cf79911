// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_GANG_ASSEMBLY_H_
#define COHORT_COORDINATOR_GANG_ASSEMBLY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cohort/v1/learner_service.pb.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/gang_registry.h"
#include "coordinator/job_directory.h"
#include "coordinator/job_queue.h"
#include "coordinator/namespace_use.h"
#include "coordinator/standing_queue.h"

namespace cohort::coordinator {

// Brings learner ranks and queued jobs together as the queue (job_queue.h) decides, lets running jobs make room, and
// takes gangs apart again. Thread-safe; the dependencies must outlive it.
class GangAssembly final {
 public:
  GangAssembly(const CoordinatorContext* context, JobDirectory* directory);

  // Waits for a place; an empty response when there was none in time. The same as BeginJoin, HasPlace until it is true
  // or the wait is over, EndJoin.
  absl::StatusOr<cohort::v1::JoinGangResponse> Join(const cohort::v1::JoinGangRequest& request,
                                                    const std::function<bool()>& is_cancelled);
  absl::Status BeginJoin(const cohort::v1::JoinGangRequest& request);
  bool HasPlace(const std::string& learner_id);
  cohort::v1::JoinGangResponse EndJoin(const std::string& learner_id);
  // ABORTED when the gang was dissolved. A rank's error fails its job.
  absl::Status Heartbeat(const cohort::v1::RankHeartbeatRequest& request);
  // Waits for the plan of request.version. UNAVAILABLE, with what the job waits for, when there was none in time.
  absl::StatusOr<cohort::v1::StepPlan> WaitForPlan(const cohort::v1::GetStepRequest& request,
                                                   const std::function<bool()>& is_cancelled);
  // The job a rank works for. ABORTED when it is over.
  absl::StatusOr<std::shared_ptr<JobRuntime>> FindJob(const std::string& job) const;

  // Time has passed, workers may have come or gone: dissolves gangs with silent ranks and those whose stop takes too
  // long, and asks the queue.
  void Tick();
  // Forms no further gang and asks the present ones to stop.
  void Drain(const std::string& reason);
  // Every gang has stopped and sealed what it was asked to.
  bool IsDrained() const;
  int64_t NumWaiting() const { return gangs_.NumWaiting(); }
  // Learners that were heard of lately, in order of id.
  std::vector<KnownLearner> Learners() const { return gangs_.Learners(); }

 private:
  // gang_assembly.cc. True when there was one.
  bool CollectLost() ABSL_LOCKS_EXCLUDED(mutex_);
  // gang_assembly_queue.cc. Asks the queue, unless nothing has changed since it was last asked that could let a job
  // start or pre-empt another one, and does what it says.
  void FormGangs(bool is_time_passed = false) ABSL_LOCKS_EXCLUDED(mutex_);
  // Jobs that have changed since the last call, and only those.
  void TakeChanges() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Everything else that a decision depends on. `refused`: jobs that could not start in this round.
  void CompleteSnapshot(const std::set<std::string>& refused) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Decide() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // An error when the job does not run now: its ranks are free for the next one, unless they wait for its data
  // (IsBeingRead).
  absl::Status Start(const QueueStart& start, JobRuntime* job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Preempt(const QueuePreemption& preemption, JobRuntime* victim);
  // Tells jobs their places, and workers the jobs that are served.
  void Publish(const QueueDecision& decision) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Measure() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const CoordinatorContext* const context_;
  JobDirectory* const directory_;
  GangRegistry gangs_;
  // Held while gangs form, so that one job is not given to two sets of ranks.
  mutable absl::Mutex mutex_;
  bool is_draining_ ABSL_GUARDED_BY(mutex_) = false;
  StandingQueue queue_ ABSL_GUARDED_BY(mutex_);
  // Of the jobs in the queue's snapshot.
  std::map<std::string, std::shared_ptr<JobRuntime>> runtimes_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> reading_ ABSL_GUARDED_BY(mutex_);            // queued jobs whose data are being read
  std::map<std::string, GangStart> starts_ ABSL_GUARDED_BY(mutex_);  // by job
  std::set<std::string> doubtful_ ABSL_GUARDED_BY(mutex_);           // QueueSnapshot::doubtful
  NamespaceUse use_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> measured_ ABSL_GUARDED_BY(mutex_);  // namespaces with metrics
  // What the queue was last asked about: counts of the signal and of the registry.
  std::pair<int64_t, int64_t> asked_about_ ABSL_GUARDED_BY(mutex_) = {-1, -1};
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_GANG_ASSEMBLY_H_
