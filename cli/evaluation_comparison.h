// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_EVALUATION_COMPARISON_H_
#define COHORT_CLI_EVALUATION_COMPARISON_H_

#include <optional>
#include <string>
#include <vector>

#include "cli/run_record.h"
#include "cohort/v1/job_service.pb.h"

namespace cohort::cli {

// First and newest evaluation of one run; they are the same one when there was one only. Points into the history.
struct BeforeAfter {
  std::string run;
  const cohort::v1::EvaluationReport* before = nullptr;
  const cohort::v1::EvaluationReport* after = nullptr;
  // Of an EVAL job: there is no before, both are the same one.
  bool is_measured_once = false;
  double required = 0;
  std::optional<double> required_reward = std::nullopt;
};

// In the order of the job file; runs that were never evaluated are left out.
std::vector<BeforeAfter> CompareEvaluations(const JobHistory& history);

}  // namespace cohort::cli

#endif  // COHORT_CLI_EVALUATION_COMPARISON_H_
