// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_LOCAL_RUN_H_
#define COHORT_CLI_LOCAL_RUN_H_

#include <atomic>
#include <deque>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cli/console.h"
#include "cli/job_client.h"
#include "cli/job_file.h"
#include "cli/local_cluster.h"
#include "cli/progress.h"
#include "cli/run_record.h"
#include "common/clock.h"
#include "common/shutdown.h"

namespace cohort::cli {

// Runs job files one after the other on a cluster of child processes, with live progress, and keeps the events. Use
// from one thread, which the children die with; calls to the coordinator run on a thread of their own meanwhile.
class LocalRun final {
 public:
  // Jobs go to `parent` ("namespaces/{id}"). `shutdown`, made before any thread, ends the run early. All pointers must
  // outlive the run.
  LocalRun(const LocalClusterOptions& options, std::string_view parent, const Console& console, common::Clock* clock,
           const common::Shutdown* shutdown, absl::Duration call_timeout);

  // Starts the cluster and metrics.jsonl. CANCELLED when stopped meanwhile.
  absl::Status Start();
  // Has the coordinator check every file before any of them runs; one that this folder's run submitted before has been
  // checked. CANCELLED when stopped.
  absl::Status Validate(const std::vector<JobFile>& files);
  // Submits one file and waits until the job has ended or is paused. Submitting a file that the run folder already
  // knows goes on with its job, and resumes it. CANCELLED when stopped.
  absl::StatusOr<JobHistory> RunJob(const JobFile& file);
  // Keeps the cluster running until shutdown.
  absl::Status Serve();
  // Stops the children: ranks seal a checkpoint.
  void Drain();

  const std::string& Server() const { return cluster_->Server(); }
  std::string MetricsPath() const { return options_.run_dir + "/metrics.jsonl"; }

 private:
  // Runs `call` on another thread while this one keeps the children alive and calls `show`; the call is cancelled on
  // shutdown or when the cluster cannot go on, whose status wins.
  absl::Status Supervise(const std::function<absl::Status()>& call, const std::function<void()>& show);
  absl::Status Submit(const JobFile& file, cohort::v1::Job& job);
  // Until the job has ended or is paused: nobody else is there to resume it.
  absl::Status Follow(RunRecord& record);
  // From any thread; printed by the main thread.
  void AddMessage(std::string_view text);
  void PrintMessages();

  const LocalClusterOptions options_;
  const std::string parent_;
  const Console console_;
  common::Clock* const clock_;
  const common::Shutdown* const shutdown_;
  const absl::Duration call_timeout_;
  ProgressLine progress_;
  std::unique_ptr<LocalCluster> cluster_;
  std::unique_ptr<JobClient> client_;
  std::ofstream metrics_;
  std::atomic<bool> has_lost_metrics_ = false;
  absl::Mutex mutex_;
  // Bounded: the oldest go first.
  std::deque<std::string> messages_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cohort::cli

#endif  // COHORT_CLI_LOCAL_RUN_H_
