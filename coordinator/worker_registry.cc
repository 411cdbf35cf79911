// SPDX-License-Identifier: Apache-2.0
#include "coordinator/worker_registry.h"

#include <set>

#include "common/field_error.h"
#include "common/telemetry/log.h"

namespace cohort::coordinator {

absl::Status WorkerRegistry::Hear(const cohort::v1::WorkerDescription& worker, absl::Duration now) {
  if (worker.worker_id().empty()) return common::InvalidField("worker.worker_id", "", "a worker needs an id");
  absl::MutexLock lock(&mutex_);
  const bool is_new = workers_.count(worker.worker_id()) == 0;
  workers_[worker.worker_id()] = {.description = worker, .last_heard = now};
  if (!is_new) return absl::OkStatus();
  log::Info("worker_registered", {{"worker", worker.worker_id()},
                                  {"device", worker.device()},
                                  {"processor", worker.processor()},
                                  {"http", worker.http_address()}});
  const int64_t num_kinds = CountProcessorKinds();
  if (num_kinds > 1) {
    log::Warning("mixed_processor_kinds", {{"worker", worker.worker_id()}, {"kinds", num_kinds}});
  }
  return absl::OkStatus();
}

void WorkerRegistry::ForgetSilent(absl::Duration now) {
  absl::MutexLock lock(&mutex_);
  for (auto it = workers_.begin(); it != workers_.end();) {
    if (now - it->second.last_heard < silence_) {
      ++it;
      continue;
    }
    log::Warning("worker_silent", {{"worker", it->first}, {"seconds", absl::ToDoubleSeconds(silence_)}});
    it = workers_.erase(it);
  }
}

int64_t WorkerRegistry::NumWorkers() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int64_t>(workers_.size());
}

int64_t WorkerRegistry::NumProcessorKinds() const {
  absl::MutexLock lock(&mutex_);
  return CountProcessorKinds();
}

int64_t WorkerRegistry::CountProcessorKinds() const {
  std::set<std::string> kinds;
  for (const auto& [id, worker] : workers_) kinds.insert(worker.description.processor());
  return static_cast<int64_t>(kinds.size());
}

}  // namespace cohort::coordinator
