// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_COORDINATOR_H_
#define COHORT_COORDINATOR_COORDINATOR_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/file_system.h"
#include "coordinator/change_signal.h"
#include "coordinator/claim_queue.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/coordinator_metrics.h"
#include "coordinator/dataset/dataset_store.h"
#include "coordinator/dataset/row_index_store.h"
#include "coordinator/gang_assembly.h"
#include "coordinator/job_directory.h"
#include "coordinator/job_logs.h"
#include "coordinator/job_uploads.h"
#include "coordinator/namespace_limits.h"
#include "coordinator/reader_threads.h"
#include "coordinator/rollout_browser.h"
#include "coordinator/rollout_dispatch.h"
#include "coordinator/stall_watch.h"
#include "coordinator/worker_registry.h"

namespace cohort::coordinator {

struct CoordinatorOptions {
  // Folders; relative ones are taken from the working directory. data_dir holds the store, the rollout log, uploaded
  // datasets and what is known of the rows of large ones.
  std::string data_dir;
  std::string checkpoint_root;
  std::string model_root;
  std::string data_root;
  // Of one uploaded dataset.
  int64_t max_upload_bytes = int64_t{1} << 30;
  absl::Duration lease_duration = absl::Seconds(30);
  // How long a gang that was asked to stop may take for its update and its checkpoint before it is dissolved.
  absl::Duration stop_limit = absl::Hours(1);
  NamespaceLimits limits;
  // How often Tick runs by itself; zero: never (tests).
  absl::Duration tick_interval = absl::Seconds(1);
  // That read datasets for jobs that are taken up, beside one that reads weights; 0: whoever takes a job up reads, and
  // others wait (tests).
  int num_dataset_readers = 0;
  // Must outlive the coordinator. What it writes, except for datasets and the store; SQLite's VFS of this name has that
  // ("": default).
  common::FileSystem* files = common::RealFileSystem();
  std::string sqlite_vfs;
  // Take up what this process logs about jobs, for WatchLogs. For one coordinator of a process.
  bool listens_to_log = false;
};

// Everything behind the services: opens store and log, takes up unfinished jobs, watches the clock. Thread-safe. The
// destructor ends all long polls; servers must be shut down before it.
class Coordinator final {
 public:
  // `clock` and `registry` must outlive it. Errors name the folder.
  static absl::StatusOr<std::unique_ptr<Coordinator>> Open(const CoordinatorOptions& options, PreflightCheck preflight,
                                                           common::Clock* clock, prometheus::Registry* registry);
  ~Coordinator();

  const CoordinatorContext& context() const { return context_; }
  JobDirectory& jobs() { return *directory_; }
  GangAssembly& gangs() { return *gangs_; }
  RolloutDispatch& rollouts() { return *rollouts_; }
  ClaimQueue& claims() { return *claims_; }
  RolloutBrowser& browser() { return browser_; }
  JobLogs& logs() { return *logs_; }

  // Time has passed: leases, silent ranks and workers, stalls.
  void Tick();
  // Asks gangs to stop and waits until they have sealed their checkpoints, at most `grace`. False when some had not.
  bool Drain(absl::Duration grace);
  // Ends all long polls, now and later.
  void EndPolls();

 private:
  Coordinator(const CoordinatorOptions& options, common::Clock* clock, prometheus::Registry* registry);
  void CollectLogs(bool own_ones_too);
  void StartReaders(int count);
  void TickUntilStopped(absl::Duration interval);
  void EndExpiredLeases();
  void ReportDisks();
  // On a thread of the readers, if any: a network file system that hangs does not stop the ticks, and hangs one of them
  // at most.
  void ReportDisksApart();
  void RemoveSegmentsIfDue(absl::Duration now);

  CoordinatorMetrics metrics_;
  std::string data_dir_;
  WorkerRegistry workers_;
  ChangeSignal groups_signal_;
  ChangeSignal plans_signal_;
  ChangeSignal events_signal_;
  ChangeSignal logs_signal_;
  std::unique_ptr<JobStore> store_;
  std::unique_ptr<rollout_log::RolloutLog> log_;
  std::unique_ptr<DatasetStore> datasets_;
  std::unique_ptr<RowIndexStore> row_indices_;
  std::unique_ptr<JobLogs> logs_;
  bool is_listening_ = false;
  CoordinatorContext context_;
  std::unique_ptr<JobDirectory> directory_;
  std::unique_ptr<GangAssembly> gangs_;
  std::unique_ptr<RolloutDispatch> rollouts_;
  std::unique_ptr<ClaimQueue> claims_;
  RolloutBrowser browser_;
  UploadSweep upload_sweep_;
  StallWatch stalls_;
  absl::Duration last_cleanup_;
  std::atomic<bool> is_reporting_disks_{false};
  // Null: there are none. One thread for weights, of which several read at once would only share a disk.
  std::unique_ptr<ReaderThreads> readers_, weight_reader_;
  absl::Notification stop_ticking_;
  std::thread ticker_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_COORDINATOR_H_
