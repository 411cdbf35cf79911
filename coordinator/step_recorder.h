// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_STEP_RECORDER_H_
#define COHORT_COORDINATOR_STEP_RECORDER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/recorded_run.pb.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/job_ledger.h"

namespace cohort::coordinator {

// Keeps steps.log in the folder of one RLVR job (rollout_log/recorded_run.h): what replay needs to compute committed
// steps again. A copy of the store; what is missing or wrong in it is made good from there. Not thread-safe; the
// dependencies must outlive it.
class StepRecorder final {
 public:
  StepRecorder(const CoordinatorContext* context, const JobLedger* ledger) : context_(context), ledger_(ledger) {}

  // After a start, before others want the job: adds the steps that the store has beyond the file, as after a crash
  // between a commit and its record. A failure is logged and made good at the next commit.
  void CatchUp();
  // The step that ended in `version`, with weights of this digest, is committed. Failures as above.
  void Record(int64_t version, const std::string& digest);
  // What was recorded is not true any more; the next record makes the file anew.
  void Forget() { recorded_version_ = -1; }

 private:
  absl::Status Write(int64_t version, const std::string& digest) const;
  // Brings the file up to the store, whatever is there: a job that has ever diverged gets it anew.
  absl::Status Complete() const;
  absl::StatusOr<cohort::v1::RecordedStep> ReadStep(int64_t version, const std::string& digest) const;
  cohort::v1::RecordedRun Run() const;
  std::string Path() const;
  // Takes down whether the file now ends in `version`.
  void Conclude(const absl::Status& written, int64_t version);

  const CoordinatorContext* const context_;
  const JobLedger* const ledger_;
  int64_t recorded_version_ = -1;  // in which the file ends; -1: not known
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_STEP_RECORDER_H_
