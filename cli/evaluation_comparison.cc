// SPDX-License-Identifier: Apache-2.0
#include "cli/evaluation_comparison.h"

namespace cohort::cli {

using cohort::v1::EvaluationReport;

std::vector<BeforeAfter> CompareEvaluations(const JobHistory& history) {
  std::vector<BeforeAfter> rows;
  for (const auto& run : history.job.spec().evaluation().runs()) {
    BeforeAfter row{
        .run = run.name(), .is_measured_once = history.job.spec().has_eval(), .required = run.min_final_accuracy()};
    if (run.has_min_final_reward()) row.required_reward = run.min_final_reward();
    for (const EvaluationReport& report : history.evaluations) {
      if (report.result().run() != run.name()) continue;
      if (row.before == nullptr) row.before = &report;
      row.after = &report;
    }
    if (row.after != nullptr) rows.push_back(row);
  }
  return rows;
}

}  // namespace cohort::cli
