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
// steps again. A copy of the store, made anew at the first commit after a start and after a failed write. Not
// thread-safe; the dependencies must outlive it.
class StepRecorder final {
 public:
  StepRecorder(const CoordinatorContext* context, const JobLedger* ledger) : context_(context), ledger_(ledger) {}

  // The step that ended in `version` is committed. A failure is logged and made good at the next commit.
  void Record(int64_t version);

 private:
  absl::Status Write(int64_t version);
  absl::StatusOr<cohort::v1::RecordedStep> ReadStep(int64_t version, const std::string& digest) const;

  const CoordinatorContext* const context_;
  const JobLedger* const ledger_;
  bool is_behind_ = true;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_STEP_RECORDER_H_
