// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_LEDGER_H_
#define COHORT_COORDINATOR_JOB_LEDGER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cohort/v1/job_service.pb.h"
#include "common/clock.h"
#include "common/file_system.h"
#include "coordinator/change_signal.h"
#include "coordinator/job_lifecycle.h"
#include "coordinator/job_store.h"
#include "coordinator/resource_meter.h"
#include "coordinator/run_folder.h"

namespace cohort::coordinator {

// The durable half of one job: its record as last stored, and the numbering of its events. What is written here is in
// the store before it is true in memory. Not thread-safe: guarded by its owner; the dependencies must outlive it.
class JobLedger final {
 public:
  // All events of a job, for Load. Steps come without their timings: most of what is stored of them, too much at
  // once for a long run, and of no use here.
  static absl::StatusOr<std::vector<cohort::v1::JobEvent>> ReadEvents(JobStore* store, const std::string& job);

  // `events` are all events of the job. Restores the run folder; when that fails, at the next event again.
  // `events_signal` wakes watchers.
  static std::unique_ptr<JobLedger> Load(JobRecord record, const std::vector<cohort::v1::JobEvent>& events,
                                         std::string_view checkpoint_root, JobStore* store, common::Clock* clock,
                                         ChangeSignal* events_signal,
                                         common::FileSystem* files = common::RealFileSystem());

  // Of a job that was stored just now, with its first event and nothing else, and whose run folder was made.
  static std::unique_ptr<JobLedger> Begin(JobRecord record, std::string_view checkpoint_root, JobStore* store,
                                          common::Clock* clock, ChangeSignal* events_signal, common::FileSystem* files);

  const JobRecord& record() const { return record_; }
  const cohort::v1::Job& job() const { return record_.job; }
  const cohort::v1::JobSpec& spec() const { return record_.job.spec(); }
  const std::string& name() const { return record_.job.name(); }
  const RunFolder& run_folder() const { return run_folder_; }
  // What the job uses; the record has it as of the last write.
  ResourceMeter& meter() { return meter_; }
  const ResourceMeter& meter() const { return meter_; }

  // Stores `next` and `change` together, with what the job has used. Sets update_time, end_time, sequence numbers and
  // times; a change of state adds its event. UNAVAILABLE when the store does not take it: nothing has changed, try
  // again later.
  absl::Status Write(JobRecord next, JobChange change);
  // The same without a change of the job.
  absl::Status Write(JobChange change);
  // `watcher` is called with every event from now on, once it is stored.
  void Watch(std::function<void(const cohort::v1::JobEvent&)> watcher) { watcher_ = std::move(watcher); }
  // Time that slow writes took since the last call: whoever holds the lock meanwhile keeps everybody else waiting.
  absl::Duration TakeStalledTime();

 private:
  JobLedger(JobRecord record, std::string_view checkpoint_root, JobStore* store, common::Clock* clock,
            ChangeSignal* events_signal, common::FileSystem* files);
  void UpdateRunFolder(const std::vector<cohort::v1::JobEvent>& events);

  JobRecord record_;
  RunFolder run_folder_;
  JobStore* const store_;
  common::Clock* const clock_;
  ChangeSignal* const events_signal_;
  int64_t next_sequence_ = 1;
  ResourceMeter meter_;
  bool is_run_folder_behind_ = false;
  absl::Duration stalled_time_;
  std::function<void(const cohort::v1::JobEvent&)> watcher_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_LEDGER_H_
