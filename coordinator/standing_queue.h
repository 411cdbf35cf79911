// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_STANDING_QUEUE_H_
#define COHORT_COORDINATOR_STANDING_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coordinator/job_queue.h"

namespace cohort::coordinator {

// The queue between two decisions: its snapshot, kept up to date by what changes, and whether a change asks for a new
// decision. A decision looks at every job; most submits find nobody who could start, and only make the line longer.
// Not thread-safe.
class StandingQueue final {
 public:
  // A job that is new, or not what it was.
  void Put(JobDemand job);
  void Remove(std::string_view job);
  // All that are known. Asks for a new decision.
  void SetLearners(std::vector<QueueLearner> learners);
  // Null when it is not there.
  const JobDemand* Find(std::string_view job) const;

  // False: DecideQueue would start and pre-empt nobody, and serve the same running jobs, as at the last Decide. What
  // may have changed is their order, and who waits in which place and why. Of workers, limits, doubtful jobs, use and
  // passing time it knows nothing: whoever sets those in the snapshot decides anew.
  bool MustDecide() const { return must_decide_; }
  // Of the present snapshot.
  QueueDecision Decide();

  const QueueSnapshot& snapshot() const { return snapshot_; }
  // For what is set otherwise than by the methods above.
  void SetWorkers(std::vector<DeviceOffer> workers) { snapshot_.workers = std::move(workers); }
  void SetUse(std::map<std::string, double> device_seconds) { snapshot_.device_seconds = std::move(device_seconds); }
  void SetDoubtful(std::set<std::string> jobs) { snapshot_.doubtful = std::move(jobs); }
  void SetLimit(int64_t max_ranks_per_namespace) { snapshot_.max_ranks_per_namespace = max_ranks_per_namespace; }

 private:
  // Whether a job that is new in the queue makes no difference to anybody else, and only waits itself.
  bool OnlyWaits(const JobDemand& job) const;
  // It cannot have so many ranks of one kind, even if all of them were free.
  bool NeverStarts(const JobDemand& job) const;

  QueueSnapshot snapshot_;
  std::map<std::string, size_t, std::less<>> places_;  // of jobs in the snapshot
  bool must_decide_ = true;
  bool has_waiting_learner_ = false;
  // Of the running jobs that can be pre-empted; as of the last decision, as no other one has changed since.
  int32_t lowest_running_priority_ = std::numeric_limits<int32_t>::max();
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_STANDING_QUEUE_H_
