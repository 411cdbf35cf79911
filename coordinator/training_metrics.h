// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_TRAINING_METRICS_H_
#define COHORT_COORDINATOR_TRAINING_METRICS_H_

#include <prometheus/gauge.h>

#include <memory>
#include <string>
#include <vector>

#include "cohort/v1/job_service.pb.h"
#include "common/telemetry/labeled_family.h"
#include "common/telemetry/metric_catalogue.h"

namespace cohort::coordinator {

// How training goes, for every job: its newest train step (step_metric_table.h), its newest evaluations and what it has
// used. Thread-safe; the catalogue must outlive it.
class TrainingMetrics final {
 public:
  explicit TrainingMetrics(common::MetricCatalogue* catalogue);

  // Takes in a step or an evaluation; other events say nothing. A metric that a step lacks stays as it was.
  void Observe(const std::string& job, const cohort::v1::JobEvent& event);
  // The same of the newest step and the newest evaluation of every run, of a job that is taken up again.
  void ObserveNewest(const std::string& job, const std::vector<cohort::v1::JobEvent>& events);
  // What the job has used in all, and since it was last resumed, which is what budgets are about.
  void ObserveUse(const cohort::v1::Job& job, const cohort::v1::ResourceUse& use);

 private:
  using Gauges = common::LabeledFamily<prometheus::Gauge>;

  void ObserveStep(const std::string& job, const cohort::v1::StepReport& step);
  void ObserveEvaluation(const std::string& job, const cohort::v1::EvaluationResult& result);

  std::vector<std::unique_ptr<Gauges>> step_gauges_;  // as in StepGauges()
  Gauges planned_steps_;
  Gauges evaluation_accuracy_;
  Gauges evaluation_reward_;
  Gauges evaluation_no_verdict_;
  Gauges evaluation_tokens_;
  Gauges evaluation_pass_;
  Gauges evaluation_version_;
  Gauges used_device_seconds_;
  Gauges used_wall_seconds_;
  Gauges used_tokens_;
  Gauges budget_used_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_TRAINING_METRICS_H_
