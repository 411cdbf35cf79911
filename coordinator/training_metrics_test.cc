// SPDX-License-Identifier: Apache-2.0
#include "coordinator/training_metrics.h"

#include <gmock/gmock.h>

#include <map>
#include <set>

#include "coordinator/step_metric_table.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::IsEmpty;

cohort::v1::JobEvent StepEvent(int64_t version, const std::string& name, double value) {
  cohort::v1::JobEvent event;
  event.mutable_step()->set_policy_version(version);
  event.mutable_step()->set_num_steps(9);
  (*event.mutable_step()->mutable_metrics())[name] = value;
  return event;
}

cohort::v1::JobEvent EvaluationEvent(int64_t version, const std::string& run, double accuracy) {
  cohort::v1::JobEvent event;
  cohort::v1::EvaluationResult& result = *event.mutable_evaluation()->mutable_result();
  result.set_policy_version(version);
  result.set_run(run);
  result.set_accuracy(accuracy);
  result.set_num_completions(3);
  result.set_num_no_verdict(1);
  (*result.mutable_pass_at_k())[2] = 0.5;
  return event;
}

class TrainingMetricsTest : public ::testing::Test {
 protected:
  // Values by name and labels but for the job: "clipped{1,low}". Of job "a" alone.
  std::map<std::string, double> Series() const {
    std::map<std::string, double> series;
    for (const auto& family : registry_.Collect()) {
      for (const auto& metric : family.metric) {
        std::string labels;
        bool is_of_job = false;
        for (const auto& label : metric.label) {
          is_of_job |= label.name == "training_job" && label.value == "a";
          if (label.name != "training_job") labels += (labels.empty() ? "" : ",") + label.value;
        }
        if (is_of_job) series[family.name + "{" + labels + "}"] = metric.gauge.value;
      }
    }
    return series;
  }

  prometheus::Registry registry_;
  common::MetricCatalogue catalogue_{&registry_, "training_job", 5};
  TrainingMetrics metrics_{&catalogue_};
};

TEST_F(TrainingMetricsTest, StepIsShownByTheTable) {
  metrics_.Observe("a", StepEvent(1, "clip_fraction_low_branch2", 0.25));
  metrics_.Observe("a", StepEvent(2, "no_such_metric", 1));
  metrics_.Observe("b", StepEvent(2, "loss", 1));
  auto series = Series();
  EXPECT_EQ(series["cohort_training_clipped_ratio{low,2}"], 0.25) << "labels come sorted by name";
  EXPECT_EQ(series["cohort_training_planned_steps{}"], 9);
  EXPECT_EQ(series.size(), 2u) << "what is not there is not 0";
}

TEST_F(TrainingMetricsTest, EveryStepMetricIsShownOnceAndWithItsLabels) {
  std::set<std::string> metrics;
  cohort::v1::JobEvent event = StepEvent(1, "loss", 1);
  for (const StepGauge& gauge : StepGauges()) {
    for (const StepGauge::Source& source : gauge.sources) {
      EXPECT_TRUE(metrics.insert(source.step_metric).second) << source.step_metric;
      EXPECT_EQ(source.values.size(), gauge.labels.size()) << source.step_metric;
      (*event.mutable_step()->mutable_metrics())[source.step_metric] = 1;
    }
  }
  metrics_.Observe("a", event);
  EXPECT_EQ(Series().size(), metrics.size() + 1) << "and planned_steps";
}

TEST_F(TrainingMetricsTest, NewestStepAndEvaluationsOfAJobThatIsTakenUpAgain) {
  cohort::v1::JobEvent notice;
  notice.set_notice("for people");
  metrics_.ObserveNewest(
      "a", {StepEvent(1, "loss", 5), EvaluationEvent(1, "greedy", 0.1), EvaluationEvent(1, "sampled", 0.2),
            StepEvent(2, "loss", 4), EvaluationEvent(2, "greedy", 0.3), notice});
  auto series = Series();
  EXPECT_EQ(series["cohort_training_loss{}"], 4);
  EXPECT_EQ(series["cohort_training_evaluation_accuracy_ratio{greedy}"], 0.3);
  EXPECT_EQ(series["cohort_training_evaluation_accuracy_ratio{sampled}"], 0.2);
  EXPECT_EQ(series["cohort_training_evaluation_policy_version{sampled}"], 1);
  EXPECT_EQ(series["cohort_training_evaluation_no_verdict_ratio{greedy}"], 0.25);
  EXPECT_EQ(series["cohort_training_evaluation_pass_ratio{2,greedy}"], 0.5);
}

TEST_F(TrainingMetricsTest, BudgetsCountFromTheLastResume) {
  cohort::v1::Job job;
  job.set_name("a");
  job.mutable_spec()->mutable_budget()->set_tokens(100);
  job.mutable_use_at_resume()->set_tokens(50);
  cohort::v1::ResourceUse use;
  use.set_tokens(75);
  use.set_device_seconds(12);
  use.mutable_wall_time()->set_seconds(3);
  metrics_.ObserveUse(job, use);
  auto series = Series();
  EXPECT_EQ(series["cohort_training_used_tokens{}"], 75);
  EXPECT_EQ(series["cohort_training_used_device_seconds{}"], 12);
  EXPECT_EQ(series["cohort_training_used_wall_seconds{}"], 3);
  EXPECT_EQ(series["cohort_training_budget_used_ratio{tokens}"], 0.25);
  EXPECT_EQ(series.size(), 4u) << "budgets that are not set have no share";
}

TEST_F(TrainingMetricsTest, SaysNothingBeforeTheFirstStep) {
  metrics_.ObserveNewest("a", {});
  EXPECT_THAT(Series(), IsEmpty());
}

}  // namespace
}  // namespace cohort::coordinator
