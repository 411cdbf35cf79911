// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_LOG_WATCH_H_
#define COHORT_COORDINATOR_LOG_WATCH_H_

#include <functional>

#include "absl/status/status.h"
#include "cohort/v1/job_service.pb.h"
#include "common/clock.h"
#include "coordinator/change_signal.h"
#include "coordinator/job_logs.h"
#include "coordinator/job_store.h"

namespace cohort::coordinator {

// Where the lines of a watch go.
struct LogSink {
  // False when nobody takes any more.
  std::function<bool(const cohort::v1::LogLine&)> write;
  std::function<bool()> is_cancelled;
};

// Where they come from. All thread-safe; they outlive the watch.
struct LogSource {
  JobStore* store = nullptr;
  const JobLogs* logs = nullptr;
  const ChangeSignal* signal = nullptr;  // of `logs`
  common::Clock* clock = nullptr;
};

// JobService.WatchLogs: writes the lines that there are and, with `follow`, those to come until some seconds after the
// job has ended, so that what its processes logged at last is there (OK). CANCELLED when the sink does not take any
// more, UNAVAILABLE when the signal is closed, NOT_FOUND without the job, INVALID_ARGUMENT by field. Thread-safe.
absl::Status WatchLogs(const LogSource& source, const cohort::v1::WatchLogsRequest& request, const LogSink& sink);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_LOG_WATCH_H_
