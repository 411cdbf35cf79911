// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_COORDINATOR_CONTEXT_H_
#define COHORT_COORDINATOR_COORDINATOR_CONTEXT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/file_system.h"
#include "coordinator/change_signal.h"
#include "coordinator/coordinator_metrics.h"
#include "coordinator/dataset/dataset_roots.h"
#include "coordinator/job_logs.h"
#include "coordinator/job_store.h"
#include "coordinator/namespace_limits.h"
#include "coordinator/resource_name.h"
#include "coordinator/worker_registry.h"
#include "model/weight_sync/folder_digest.h"
#include "rollout_log/rollout_log.h"

namespace cohort::coordinator {

// What every part of a running coordinator shares. The pointed-to objects are thread-safe and outlive all users.
struct CoordinatorContext {
  JobStore* store = nullptr;
  rollout_log::RolloutLog* log = nullptr;
  common::Clock* clock = nullptr;
  common::FileSystem* files = common::RealFileSystem();  // for what the coordinator writes
  CoordinatorMetrics* metrics = nullptr;
  WorkerRegistry* workers = nullptr;
  ChangeSignal* groups_signal = nullptr;  // a group may be claimable
  ChangeSignal* plans_signal = nullptr;   // a plan may be ready, a gang may form
  ChangeSignal* events_signal = nullptr;  // a job has a new event
  ChangeSignal* logs_signal = nullptr;    // there is a new line in `logs`
  JobLogs* logs = nullptr;                // null: log lines are not collected
  int64_t epoch = 0;
  absl::Duration lease_duration;
  NamespaceLimits limits;
  // Absolute folders.
  std::string data_root;
  std::string model_root;
  std::string checkpoint_root;
  std::string rollout_log_directory;
  // Uploaded datasets; null: there are none.
  DatasetStore* datasets = nullptr;
  // What datasets are read through, and what is known of them without reading them (DatasetRoots).
  common::FileSystem* dataset_files = common::RealFileSystem();
  RowIndexStore* row_indices = nullptr;
  const std::atomic<bool>* is_stopped = nullptr;
  // The digest of the weights in a model folder, which takes as long as they are large; for `read_apart`.
  std::function<absl::StatusOr<std::string>(const std::string& model_path, const std::function<bool()>& is_stopped)>
      read_weight_digest = model::FolderDigest;
  // Does what takes as long as files are large, for a caller that holds locks: here at once, in a service on threads
  // that no other kind of reading occupies.
  enum class Reading { kDataset, kWeights };
  std::function<void(Reading, std::function<void()> work)> read_apart = [](Reading, const std::function<void()>& work) {
    work();
  };
  absl::Duration stop_limit = absl::Hours(1);  // of a gang that was asked to stop
};

// Where the files of a job's datasets are. `job` is a resource name.
inline DatasetRoots DatasetRootsOf(const CoordinatorContext& context, std::string_view job) {
  return {.data_root = context.data_root,
          .uploads = context.datasets,
          .name_space = NamespaceOf(job),
          .files = context.dataset_files,
          .indices = context.row_indices,
          .is_stopped = context.is_stopped};
}

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_COORDINATOR_CONTEXT_H_
