// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_POLICY_SLOTS_H_
#define COHORT_ROLLOUT_WORKER_POLICY_SLOTS_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cohort/v1/weights.pb.h"
#include "common/clock.h"
#include "model/model_config.h"
#include "model/precision.h"
#include "model/weight_sync/weight_subscriber.h"
#include "rollout_worker/engine/policy_slot.h"
#include "rollout_worker/rollout_worker_metrics.h"

namespace cohort::rollout_worker {

// How a version came into its slot, on the monotonic clock.
struct FetchedVersion {
  int64_t policy_version = 0;
  absl::Duration begin;
  absl::Duration end;
  int64_t num_bytes = 0;
};

// The two policy versions that a worker can hold: the current one and one that is draining. A slot belongs to whoever
// acquired it for as long as groups use it; it changes version only without users. Acquire from one thread, the rest is
// thread-safe. The pointers given must outlive this.
class PolicySlots final {
 public:
  PolicySlots(const EngineOptions& options, const at::Device& device, common::Clock* clock,
              std::unique_ptr<model::WeightSubscriber> subscriber, RolloutWorkerMetrics* metrics);

  // The slot that holds this version in `precision`, fetched and verified when it is not here yet, with `num_users`
  // more users. Waits while other versions use both slots. DATA_LOSS: the version was refused; CANCELLED: Stop was
  // called.
  absl::StatusOr<PolicySlot*> Acquire(const cohort::v1::WeightSource& source, const model::ModelConfig& config,
                                      int64_t num_users, model::Precision precision) ABSL_LOCKS_EXCLUDED(mutex_);
  // Of the newest fetch that no call of this has returned yet. On the thread that acquires.
  std::optional<FetchedVersion> TakeFetch() { return std::exchange(fetch_, std::nullopt); }
  // One user less.
  void Release(PolicySlot* slot) ABSL_LOCKS_EXCLUDED(mutex_);
  // Ends an Acquire under way, a fetch included, and refuses later ones.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    std::unique_ptr<PolicySlot> slot;
    int64_t num_users = 0;
  };

  bool HasIdleSlotOrStopped() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Entry* FindHolder(const cohort::v1::WeightSource& source, model::Precision precision)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Entry* ChooseIdle(const cohort::v1::WeightSource& source) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Switch(const cohort::v1::WeightSource& source, const model::ModelConfig& config,
                      model::Precision precision, PolicySlot* slot);
  void CheckRows(const PolicySlot& slot);

  common::Clock* const clock_;
  const std::unique_ptr<model::WeightSubscriber> subscriber_;
  RolloutWorkerMetrics* const metrics_;
  std::optional<FetchedVersion> fetch_;  // of the thread that acquires
  absl::Mutex mutex_;
  std::array<Entry, 2> entries_ ABSL_GUARDED_BY(mutex_);
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_POLICY_SLOTS_H_
