// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_TESTS_END_TO_END_TINY_RUN_H_
#define COHORT_TESTS_END_TO_END_TINY_RUN_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/end_to_end/real_binaries.h"

namespace cohort::tests {

// Sum of a metric over the samples of a process's /metrics whose labels contain `label` (all when empty); 0 while there
// is none, or nobody answers. `http` is host:port.
double MetricSum(const std::string& http, const std::string& name, const std::string& label = "");

// `cohortctl local` over the jobs of a tiny example, and what it leaves in its run folder. Not thread-safe.
class TinyRun final {
 public:
  // `example` was written by WriteTinyExample; `run_dir` may hold an earlier run.
  TinyRun(const std::string& example, const std::string& run_dir, const std::vector<std::string>& further_flags = {});

  // Returns when the job has committed that version; false when the program ended before.
  bool AwaitStep(const std::string& job, int64_t version);
  // MetricSum of the coordinator; 0 while it does not serve.
  double CoordinatorMetric(const std::string& name, const std::string& label = "") const;
  // Process id of "coordinator", "worker-0", "learner-1".
  pid_t ProcessOf(const std::string& name) const;
  RunningProgram& Program() { return program_; }

 private:
  const std::string run_dir_;
  RunningProgram program_;
};

// What the coordinator's store of a run folder says of one job.
struct Ledger {
  // Ids in the plans, in order of version; an id in two plans is there twice.
  std::vector<int64_t> planned_groups;
  // Training groups by state, as coordinator::GroupState numbers.
  int64_t num_trained = 0;
  int64_t num_dropped = 0;
  int64_t num_open = 0;
  int64_t num_retried = 0;
  std::vector<std::string> drop_reasons;
  // The most versions between the one that sampled a trained group and the step that took it.
  int64_t largest_lag = 0;
  std::vector<int64_t> committed_versions;
  std::string checkpoint_path;
};

Ledger ReadLedger(const std::string& run_dir, const std::string& job_id);

// Fails the test unless every training group of the tiny RLVR job was trained exactly once, no train step is missing or
// doubled, mismatch was 0 at every step, and the final checkpoint is sealed, undamaged and usable for inference.
void ExpectExactRun(const std::string& run_dir);

// Bytes of the weight files of a job's final checkpoint, one behind the other.
std::string FinalWeights(const std::string& run_dir, const std::string& job_id = "rlvr");

}  // namespace cohort::tests

#endif  // COHORT_TESTS_END_TO_END_TINY_RUN_H_
