// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_RUN_REPORT_H_
#define COHORT_CLI_RUN_REPORT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cli/console.h"
#include "cli/run_record.h"
#include "cli/svg_chart.h"

namespace cohort::cli {

// A finished `cohortctl local`.
struct RunReport {
  std::string run_dir;
  // metrics.jsonl of the run.
  std::string metrics_path;
  std::vector<JobHistory> jobs;
  absl::Duration total_time;
};

// Before/after table, sample completions with verdicts, figures and paths, for people.
std::string ReportText(const RunReport& report, const Console& console);
// The same as JSON (run_summary.cc).
std::string SummaryJson(const RunReport& report);
// Reward, accuracy and evaluations over the steps of an RLVR job; the loss of an SFT job.
Chart CurvesOf(const JobHistory& history);
// Where the job's curves go: run_dir/curves/<job>.svg.
std::string CurvesPath(const RunReport& report, const JobHistory& history);
// Writes run_dir/summary.json and the curves of every job that made a step.
absl::Status WriteReportFiles(const RunReport& report);

}  // namespace cohort::cli

#endif  // COHORT_CLI_RUN_REPORT_H_
