// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_LOCAL_CLUSTER_H_
#define COHORT_CLI_LOCAL_CLUSTER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/folder_lock.h"
#include "cli/supervisor.h"
#include "common/clock.h"

namespace cohort::cli {

// What a cluster on this machine consists of.
struct LocalClusterOptions {
  // Folder with cohort-coordinator, cohort-rollout-worker and cohort-learner.
  std::string bin_dir;
  // State, checkpoints and logs; made if absent. A folder of an earlier run is taken up again.
  std::string run_dir;
  // What relative paths in job files start from.
  std::string data_root;
  std::string model_root;
  int num_workers = 2;
  int num_ranks = 2;
  std::string device = "cpu";
  // Seconds after which a silent worker's groups are handed to another.
  double lease_seconds = 5;
  // What a rank has, in GiB; 0 refuses no job. Default: an equal share of the machine's memory, 0 on a GPU.
  std::optional<double> learner_memory_gib;
  std::string log_level = "info";
};

// The processes of a cluster on free loopback ports, each logging to run_dir/logs/<name>.log and started again when it
// dies. Not thread-safe; see Supervisor for threads and lifetime.
class LocalCluster final {
 public:
  // Starts the coordinator, waits until it serves, then starts workers and ranks. `should_stop` ends the wait early
  // (CANCELLED). INVALID_ARGUMENT when a binary is missing; FAILED_PRECONDITION when another cluster uses run_dir.
  static absl::StatusOr<std::unique_ptr<LocalCluster>> Start(const LocalClusterOptions& options, common::Clock* clock,
                                                             std::function<void(std::string_view)> on_message,
                                                             const std::function<bool()>& should_stop);

  // host:port of the coordinator's gRPC.
  const std::string& Server() const { return server_; }
  // Restarts what died; an error means that the cluster cannot go on.
  absl::Status Tick() { return supervisor_.Tick(); }
  // Ranks first, which seal a checkpoint, then workers, then the coordinator.
  void Drain();

 private:
  LocalCluster(const LocalClusterOptions& options, common::Clock* clock,
               std::function<void(std::string_view)> on_message);

  absl::Status StartCoordinator(common::Clock* clock, const std::function<bool()>& should_stop);
  absl::Status StartWorkersAndRanks();
  ChildCommand CoordinatorCommand(std::string_view listen) const;
  std::string AddressFile() const { return options_.run_dir + "/coordinator.address"; }
  ChildCommand Command(std::string_view name, std::string_view binary, std::vector<std::string> flags) const;

  const LocalClusterOptions options_;
  std::unique_ptr<FolderLock> lock_;  // of run_dir; given up after the children have ended
  Supervisor supervisor_;
  std::string server_;
};

// A flag's folder as an absolute path; INVALID_ARGUMENT names the flag of an empty one.
absl::StatusOr<std::string> AbsolutePath(std::string_view flag, const std::string& path);

// The folder of the running binary: /proc/self/exe without its last part.
std::string OwnBinaryDirectory();

}  // namespace cohort::cli

#endif  // COHORT_CLI_LOCAL_CLUSTER_H_
