// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_WORKER_REGISTRY_H_
#define COHORT_COORDINATOR_WORKER_REGISTRY_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cohort/v1/rollout_service.pb.h"

namespace cohort::coordinator {

// Rollout workers that were heard of lately. A worker registers by any call that describes it. Thread-safe.
class WorkerRegistry final {
 public:
  // A worker not heard of for `silence` is forgotten.
  explicit WorkerRegistry(absl::Duration silence) : silence_(silence) {}

  // INVALID_ARGUMENT without an id. Warns once when workers of different processor kinds are registered: their samples
  // are bit-equal only within one kind.
  absl::Status Hear(const cohort::v1::WorkerDescription& worker, absl::Duration now);
  void ForgetSilent(absl::Duration now);
  int64_t NumWorkers() const;
  int64_t NumProcessorKinds() const;

 private:
  struct Worker {
    cohort::v1::WorkerDescription description;
    absl::Duration last_heard;
  };
  int64_t CountProcessorKinds() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  const absl::Duration silence_;
  mutable absl::Mutex mutex_;
  std::map<std::string, Worker> workers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_WORKER_REGISTRY_H_
