// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_RUN_RECORD_H_
#define COHORT_CLI_RUN_RECORD_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cohort/v1/job_service.pb.h"

namespace cohort::cli {

// One committed train step.
struct StepPoint {
  int64_t policy_version = 0;
  absl::Time time;
  std::map<std::string, double> metrics;
};

// Everything that one job's events said.
struct JobHistory {
  std::string job_id;
  // Newest state; its spec holds the defaults.
  cohort::v1::Job job;
  std::vector<StepPoint> steps;
  std::vector<cohort::v1::EvaluationReport> evaluations;

  // Value of a metric at the newest step, or `otherwise`.
  double Latest(const std::string& metric, double otherwise) const;
  double Largest(const std::string& metric) const;
  double Mean(const std::string& metric) const;
  bool Has(const std::string& metric) const;
  // From the job's creation to its first step; negative before that.
  double SecondsToFirstStep() const;
};

// Collects the events of one job; an event seen before is ignored, so a stream may be watched again from the start.
// Thread-safe.
class RunRecord final {
 public:
  explicit RunRecord(const cohort::v1::Job& job);

  // The line of JSON that metrics.jsonl gets for a step, evaluation or rescore; empty for other and repeated events.
  std::string Apply(const cohort::v1::JobEvent& event);
  void SetJob(const cohort::v1::Job& job);
  JobHistory Snapshot() const;
  // `read` of the history as it is now, without a copy; it must not call back.
  template <typename Reader>
  auto Read(const Reader& read) const {
    absl::MutexLock lock(&mutex_);
    return read(history_);
  }

 private:
  mutable absl::Mutex mutex_;
  JobHistory history_ ABSL_GUARDED_BY(mutex_);
  int64_t last_sequence_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cohort::cli

#endif  // COHORT_CLI_RUN_RECORD_H_
