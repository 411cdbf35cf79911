// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_LOGS_H_
#define COHORT_COORDINATOR_JOB_LOGS_H_

#include <prometheus/gauge.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cohort/v1/job_service.pb.h"
#include "common/telemetry/log.h"
#include "coordinator/change_signal.h"

namespace cohort::coordinator {

// Which lines of a job; what is not set lets all through.
struct LogFilter {
  cohort::v1::LogLevel min_level = cohort::v1::LOG_LEVEL_UNSPECIFIED;
  cohort::v1::ProcessRole role = cohort::v1::PROCESS_ROLE_UNSPECIFIED;
  std::string process;
  absl::Time first_time = absl::InfinitePast();

  bool Lets(const cohort::v1::LogLine& line) const;
};

// The newest log lines about each job, in memory: its own process's and those that workers and ranks report. Lines of a
// job are bounded, then those of the job that was quiet for longest go (docs/operations/logs.md). Never logs itself.
// Thread-safe.
class JobLogs final {
 public:
  struct Limits {
    size_t max_lines_per_job = 4000;
    int64_t max_bytes_per_job = 1 << 20;
    int64_t max_bytes = 64 << 20;
  };
  // Lines that were looked at, up to and with `last_sequence`, and those of them that the filter lets through.
  struct Page {
    std::vector<cohort::v1::LogLine> lines;
    int64_t last_sequence = 0;  // the one that was asked with when there were none
  };

  // Whether there is a job of this name: reported lines about any other are left out. Empty: all names are taken.
  using JobCheck = std::function<bool(const std::string& job)>;

  // Sequences rise with `epoch`, and within it. `signal` is told of new lines; it and `bytes` must outlive this.
  JobLogs(int64_t epoch, ChangeSignal* signal, prometheus::Gauge* bytes, const Limits& limits, JobCheck is_job = {});

  // A line of this process; nothing unless it is about a job.
  void AddOwn(const log::Line& line);
  // Adds those lines of a report that are not here yet and are about a job. Such lines may come after the job was
  // deleted, and are none of the next one of its name.
  void AddReport(cohort::v1::ProcessRole role, const std::string& process, const cohort::v1::LogReport& report);

  // Looks at `max_lines` lines of the job behind `sequence`, oldest first.
  Page After(const std::string& job, int64_t sequence, const LogFilter& filter, size_t max_lines) const;
  // The sequence behind which the newest `count` lines come that the filter lets through; at least `sequence`.
  int64_t BeforeNewest(const std::string& job, int64_t sequence, const LogFilter& filter, int64_t count) const;
  // The job is deleted.
  void Forget(const std::string& job);

 private:
  struct Ring {
    std::deque<cohort::v1::LogLine> lines;  // by sequence, never empty
    int64_t num_bytes = 0;
  };
  // How far the lines of a process have come.
  struct Source {
    uint64_t start_id = 0;
    int64_t next_number = 0;
  };

  void Add(cohort::v1::LogLine line) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropOldest(Ring* ring) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropQuietest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Those that the lines of a report are about.
  std::set<std::string> JobsOf(const cohort::v1::LogReport& report) const;

  ChangeSignal* const signal_;
  prometheus::Gauge* const bytes_;
  const Limits limits_;
  const JobCheck is_job_;
  mutable absl::Mutex mutex_;
  int64_t last_sequence_ ABSL_GUARDED_BY(mutex_);
  int64_t num_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, Ring> rings_ ABSL_GUARDED_BY(mutex_);    // by job
  std::map<int64_t, std::string> jobs_ ABSL_GUARDED_BY(mutex_);  // with rings, by the sequence of their last lines
  std::map<std::pair<int, std::string>, Source> sources_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_LOGS_H_
