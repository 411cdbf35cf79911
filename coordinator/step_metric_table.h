// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_STEP_METRIC_TABLE_H_
#define COHORT_COORDINATOR_STEP_METRIC_TABLE_H_

#include <string>
#include <string_view>
#include <vector>

namespace cohort::coordinator {

// A gauge of /metrics that shows step metrics of the newest train step, one series for each.
struct StepGauge {
  struct Source {
    std::string step_metric;          // name in CommitStep, StepReport and metrics.jsonl
    std::vector<std::string> values;  // of `labels`
  };

  std::string name;
  std::string help;
  std::string plot_group;           // TensorBoard shows metrics of a group together
  std::vector<std::string> labels;  // besides training_job
  std::vector<Source> sources;
};

// Every step metric of docs/operations/step_metrics.md, once. What /metrics, TensorBoard and the documentation call it
// comes from here. Constant.
const std::vector<StepGauge>& StepGauges();

// "<plot group>/<step metric>"; one that is not in the table is of the group "other".
std::string PlotTag(std::string_view step_metric);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_STEP_METRIC_TABLE_H_
