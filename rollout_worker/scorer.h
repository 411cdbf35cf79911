// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_SCORER_H_
#define COHORT_ROLLOUT_WORKER_SCORER_H_

// Torch-free.
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cohort/v1/rollout.pb.h"
#include "common/clock.h"
#include "reward/rubric.h"
#include "rollout_worker/engine/sequence.h"
#include "rollout_worker/group_stopwatch.h"
#include "rollout_worker/job_context.h"
#include "rollout_worker/rollout_worker_metrics.h"

namespace cohort::rollout_worker {

// A group whose completions are to be judged: those that were sampled here, or, of a group with GROUP_PURPOSE_RESCORE,
// those in `assignment.stored`.
struct UnscoredGroup {
  cohort::v1::GroupAssignment assignment;
  std::shared_ptr<const JobContext> job;
  std::vector<int32_t> prompt_token_ids;
  SampledGroup sampled;
  std::string weight_digest;  // PolicySlot::folder_digest
  GroupStopwatch stopwatch;
};

// Turns sampled groups into scored ones on a pool of judging threads, so that judging overlaps generation. Thread-safe;
// the clock and the metrics must outlive it.
class Scorer final {
 public:
  // Called on a judging thread with the scored group; a non-OK status is a bug of ours, never a verdict.
  using Done = std::function<void(const cohort::v1::GroupAssignment&, absl::StatusOr<cohort::v1::RolloutGroup>)>;

  // There is room while fewer than `max_queued_groups` wait to be judged.
  Scorer(std::string_view worker_id, int num_threads, int64_t max_queued_groups, common::Clock* clock,
         RolloutWorkerMetrics* metrics, Done done);
  // Stop must have been called.
  ~Scorer();

  // Never waits: whoever samples must ask for room first.
  void Add(UnscoredGroup group) ABSL_LOCKS_EXCLUDED(mutex_);
  // Whether there is room, after waiting up to `timeout` for it.
  bool WaitForRoom(absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mutex_);
  // Judges what is queued for up to `grace`, then ends the threads; returns what was not judged. `interrupt` is called
  // when judgements are under way after that: it must end them.
  std::vector<cohort::v1::GroupAssignment> Stop(absl::Duration grace, const std::function<void()>& interrupt)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();
  absl::StatusOr<cohort::v1::RolloutGroup> Score(UnscoredGroup* group);
  void Record(const std::string& job, const reward::RubricResult& result);
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return static_cast<int64_t>(queue_.size()) < max_queued_groups_;
  }
  bool HasGroupOrStopped() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return is_stopped_ || !queue_.empty(); }
  bool IsJudging() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return num_judging_ > 0; }
  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return queue_.empty() && num_judging_ == 0; }

  const std::string worker_id_;
  const int64_t max_queued_groups_;
  common::Clock* const clock_;
  RolloutWorkerMetrics* const metrics_;
  const Done done_;
  absl::Mutex mutex_;
  std::deque<UnscoredGroup> queue_ ABSL_GUARDED_BY(mutex_);
  int num_judging_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;  // last: use the rest
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_SCORER_H_
