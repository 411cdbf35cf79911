// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_WORKER_REGISTRY_H_
#define COHORT_COORDINATOR_WORKER_REGISTRY_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cohort/v1/rollout_service.pb.h"
#include "coordinator/device_match.h"

namespace cohort::coordinator {

// A rollout worker that was heard of lately.
struct KnownWorker {
  cohort::v1::WorkerDescription description;
  absl::Duration last_heard;
  std::string set_aside_reason;  // WhySetAside
};

// Rollout workers that were heard of lately, and how far each is trusted with groups. A worker registers by any call
// that describes it.
//
//   trusted --failure--> on probation --failures--> set aside --pause over--> on probation ...
//      ^--- accepted group ---+------------------------+
//
// On probation a worker gets one group at a time; from the third failure in a row on it gets none for a pause that
// doubles with every further one, from 2 s to 60 s. So a faulty worker cannot use up the attempts of groups that others
// could sample. A process that took the place of the old one gets its probe at once. Thread-safe.
class WorkerRegistry final {
 public:
  // A worker not heard of for `silence` is forgotten.
  explicit WorkerRegistry(absl::Duration silence) : silence_(silence) {}

  // INVALID_ARGUMENT without an id of at most 256 bytes, RESOURCE_EXHAUSTED when too many are registered. Warns once
  // when workers of different processor kinds are registered: their samples are bit-equal only within one kind.
  absl::Status Hear(const cohort::v1::WorkerDescription& worker, absl::Duration now);
  void ForgetSilent(absl::Duration now);
  int64_t NumWorkers() const;
  std::vector<DeviceOffer> Devices() const;
  // In order of id.
  std::vector<KnownWorker> Workers(absl::Duration now) const;
  int64_t NumProcessorKinds() const;
  // Of those of the given workers that are registered.
  std::set<std::string> ProcessorKindsOf(const std::set<std::string>& workers) const;

  // Of the `wanted` groups, how many the worker may claim now. Unknown workers are trusted.
  int32_t Allow(std::string_view worker_id, int32_t wanted, absl::Duration now) const;
  // Why a worker that is set aside may claim nothing now: "after 3 failures (bad weights)". Empty for any other worker,
  // and once the pause is over.
  std::string WhySetAside(std::string_view worker_id, absl::Duration now) const;
  // It got groups. One on probation gets no more until their outcome is known, or for `hold`.
  void CountGrant(std::string_view worker_id, absl::Duration now, absl::Duration hold);
  // Something it had claimed failed by its fault; once for all that failed together.
  void CountFailure(std::string_view worker_id, std::string_view reason, absl::Duration now);
  // A group of it was accepted: it is trusted again.
  void CountSuccess(std::string_view worker_id);
  // A group came back and nobody was at fault.
  void EndProbe(std::string_view worker_id);

  // Some worker besides these is there and not set aside.
  bool HasOtherThan(const std::set<std::string>& workers) const;
  int64_t NumSetAside() const;
  // "worker-1 after 4 failures (bad weights)", joined by commas, of a few; empty when there is none.
  std::string DescribeSetAside() const;
  // True once for every pause that is over.
  bool TakeEndedPauses(absl::Duration now);

 private:
  struct Worker {
    cohort::v1::WorkerDescription description;
    absl::Duration last_heard;
    int64_t num_failures = 0;  // in a row
    std::string last_failure;
    absl::Duration allowed_from;
    bool is_paused = false;  // until TakeEndedPauses
  };
  int64_t CountProcessorKinds() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  static bool IsSetAside(const Worker& worker);
  static std::string Describe(const Worker& worker);

  const absl::Duration silence_;
  mutable absl::Mutex mutex_;
  std::map<std::string, Worker, std::less<>> workers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_WORKER_REGISTRY_H_
