// SPDX-License-Identifier: Apache-2.0
#include "coordinator/training_metrics.h"

#include <google/protobuf/util/time_util.h>

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "coordinator/step_metric_table.h"

namespace cohort::coordinator {
namespace {

constexpr char kJob[] = "training_job";

double Seconds(const google::protobuf::Duration& duration) {
  return static_cast<double>(google::protobuf::util::TimeUtil::DurationToNanoseconds(duration)) * 1e-9;
}

}  // namespace

TrainingMetrics::TrainingMetrics(common::MetricCatalogue* catalogue)
    : planned_steps_(catalogue, "cohort_training_planned_steps", "Train steps that the job is to have.", {kJob}),
      evaluation_accuracy_(catalogue, "cohort_training_evaluation_accuracy_ratio",
                           "Newest evaluation: share of completions with the full reward, mean over problems.",
                           {kJob, "run"}),
      evaluation_reward_(catalogue, "cohort_training_evaluation_reward_mean", "Newest evaluation: mean reward.",
                         {kJob, "run"}),
      evaluation_no_verdict_(catalogue, "cohort_training_evaluation_no_verdict_ratio",
                             "Newest evaluation: share of completions without a verdict.", {kJob, "run"}),
      evaluation_tokens_(catalogue, "cohort_training_evaluation_completion_mean_tokens",
                         "Newest evaluation: mean completion length.", {kJob, "run"}),
      evaluation_pass_(catalogue, "cohort_training_evaluation_pass_ratio", "Newest evaluation: pass@k.",
                       {kJob, "run", "k"}),
      evaluation_version_(catalogue, "cohort_training_evaluation_policy_version",
                          "Policy version of the newest evaluation.", {kJob, "run"}),
      used_device_seconds_(catalogue, "cohort_training_used_device_seconds",
                           "Seconds times learner ranks and rollout workers that the job has held.", {kJob}),
      used_wall_seconds_(catalogue, "cohort_training_used_wall_seconds", "Time that the job has spent running.",
                         {kJob}),
      used_tokens_(catalogue, "cohort_training_used_tokens", "Sampled and trained tokens of the job.", {kJob}),
      budget_used_(catalogue, "cohort_training_budget_used_ratio",
                   "Share of a budget that is spent since the job was last resumed; of budgets that are set.",
                   {kJob, "budget"}) {
  for (const StepGauge& gauge : StepGauges()) {
    std::vector<std::string> labels = {kJob};
    labels.insert(labels.end(), gauge.labels.begin(), gauge.labels.end());
    step_gauges_.push_back(std::make_unique<Gauges>(catalogue, gauge.name, gauge.help, std::move(labels)));
  }
}

void TrainingMetrics::Observe(const std::string& job, const cohort::v1::JobEvent& event) {
  if (event.has_step()) ObserveStep(job, event.step());
  if (event.has_evaluation()) ObserveEvaluation(job, event.evaluation().result());
}

void TrainingMetrics::ObserveNewest(const std::string& job, const std::vector<cohort::v1::JobEvent>& events) {
  bool has_step = false;
  std::set<std::string> runs;
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    const bool is_newest = (event->has_step() && !std::exchange(has_step, true)) ||
                           (event->has_evaluation() && runs.insert(event->evaluation().result().run()).second);
    if (is_newest) Observe(job, *event);
  }
}

void TrainingMetrics::ObserveStep(const std::string& job, const cohort::v1::StepReport& step) {
  planned_steps_.At({job}).Set(static_cast<double>(step.num_steps()));
  for (size_t i = 0; i < step_gauges_.size(); ++i) {
    for (const StepGauge::Source& source : StepGauges()[i].sources) {
      const auto metric = step.metrics().find(source.step_metric);
      if (metric == step.metrics().end()) continue;
      std::vector<std::string> values = {job};
      values.insert(values.end(), source.values.begin(), source.values.end());
      step_gauges_[i]->At(std::move(values)).Set(metric->second);
    }
  }
}

void TrainingMetrics::ObserveEvaluation(const std::string& job, const cohort::v1::EvaluationResult& result) {
  const std::vector<std::string> values = {job, result.run()};
  const auto num_no_verdict = static_cast<double>(result.num_no_verdict());
  const double num_completions = static_cast<double>(result.num_completions()) + num_no_verdict;
  evaluation_accuracy_.At(values).Set(result.accuracy());
  evaluation_reward_.At(values).Set(result.mean_reward());
  if (num_completions > 0) evaluation_no_verdict_.At(values).Set(num_no_verdict / num_completions);
  evaluation_tokens_.At(values).Set(result.mean_completion_tokens());
  evaluation_version_.At(values).Set(static_cast<double>(result.policy_version()));
  for (const auto& [k, share] : result.pass_at_k()) {
    evaluation_pass_.At({job, result.run(), absl::StrCat(k)}).Set(share);
  }
}

void TrainingMetrics::ObserveUse(const cohort::v1::Job& job, const cohort::v1::ResourceUse& use) {
  const std::string& name = job.name();
  const double wall_seconds = Seconds(use.wall_time());
  used_device_seconds_.At({name}).Set(use.device_seconds());
  used_wall_seconds_.At({name}).Set(wall_seconds);
  used_tokens_.At({name}).Set(static_cast<double>(use.tokens()));
  const cohort::v1::BudgetSpec& budget = job.spec().budget();
  const cohort::v1::ResourceUse& before = job.use_at_resume();
  const auto set = [&](const char* kind, double used, double limit) {
    if (limit > 0) budget_used_.At({name, kind}).Set(used / limit);
  };
  set("device_seconds", use.device_seconds() - before.device_seconds(), budget.device_seconds());
  set("tokens", static_cast<double>(use.tokens() - before.tokens()), static_cast<double>(budget.tokens()));
  set("wall_time", wall_seconds - Seconds(before.wall_time()), Seconds(budget.wall_time()));
}

}  // namespace cohort::coordinator
