// SPDX-License-Identifier: Apache-2.0
#include "tests/architecture/metrics_page.h"

#include <prometheus/registry.h>

#include <functional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/security/certificate_metrics.h"
#include "common/telemetry/metric_catalogue.h"
#include "common/telemetry/process_metrics.h"
#include "coordinator/coordinator_metrics.h"
#include "coordinator/step_metric_table.h"
#include "learner/learner_metrics.h"
#include "rollout_worker/rollout_worker_metrics.h"

namespace cohort::tests {
namespace {

using common::MetricDescription;

constexpr char kIntroduction[] = R"(# Metrics

<!-- Made by `bazel run //tests/architecture:print_metrics_page > docs/operations/metrics.md`: change the help texts in
     the sources, not this page. //tests/architecture:metrics_table_test holds it against them. -->

Every process serves `/metrics`, `/healthz` and `/readyz` on its HTTP port. The label `training_job` is the job's resource
name. What is logged per train step is in [step_metrics.md](step_metrics.md), with how to show it in TensorBoard.

What is not measured has no series, rather than one of 0. Counters of faults are there with 0 from the start of a job or
of the process on. The number of series is bounded: the coordinator has those of unfinished jobs and of the 20 others that
were updated last (a deleted job has none), a rollout worker and a learner those of the 32 jobs that were updated last.
Each namespace that had a job keeps `cohort_coordinator_queued_jobs` and `cohort_coordinator_ranks_held` until the
coordinator stops.
)";

std::string Code(const std::string& text) { return absl::StrCat("`", text, "`"); }

std::string CodeList(const std::vector<std::string>& texts) {
  return absl::StrJoin(texts, ", ", [](std::string* out, const std::string& text) { out->append(Code(text)); });
}

// `is_shown`: which of them.
std::string Table(const std::vector<MetricDescription>& metrics,
                  const std::function<bool(const MetricDescription&)>& is_shown) {
  std::string table = "| metric | type | labels | meaning |\n|---|---|---|---|\n";
  for (const MetricDescription& metric : metrics) {
    if (!is_shown(metric)) continue;
    absl::StrAppend(&table, "| ", Code(metric.name), " | ", metric.type, " | ", CodeList(metric.labels), " | ",
                    metric.help, " |\n");
  }
  return table;
}

std::string Table(const std::vector<MetricDescription>& metrics) {
  return Table(metrics, [](const MetricDescription&) { return true; });
}

std::vector<MetricDescription> ProcessMetrics() {
  std::vector<MetricDescription> metrics;
  for (const prometheus::MetricFamily& family : common::CollectProcessMetrics("any")) {
    MetricDescription& metric = metrics.emplace_back();
    metric.name = family.name;
    metric.type = family.type == prometheus::MetricType::Counter ? "counter" : "gauge";
    metric.help = family.help;
    for (const auto& label : family.metric.at(0).label) metric.labels.push_back(label.name);
  }
  return metrics;
}

// The gauges of the newest train step, and the step metrics that they show.
std::string StepTable() {
  std::string table = "| metric | labels | step metrics | meaning |\n|---|---|---|---|\n";
  for (const coordinator::StepGauge& gauge : coordinator::StepGauges()) {
    std::vector<std::string> labels = {"training_job"};
    labels.insert(labels.end(), gauge.labels.begin(), gauge.labels.end());
    std::vector<std::string> sources;
    for (const auto& source : gauge.sources) sources.push_back(source.step_metric);
    absl::StrAppend(&table, "| ", Code(gauge.name), " | ", CodeList(labels), " | ", CodeList(sources), " | ",
                    gauge.help, " |\n");
  }
  return table;
}

bool IsOfStep(const MetricDescription& metric) {
  for (const coordinator::StepGauge& gauge : coordinator::StepGauges()) {
    if (gauge.name == metric.name) return true;
  }
  return false;
}

}  // namespace

std::string MetricsPage() {
  prometheus::Registry registry;
  const security::CertificateMetrics certificates(&registry);
  const coordinator::CoordinatorMetrics coordinator(&registry);
  const rollout_worker::RolloutWorkerMetrics worker(&registry);
  const learner::LearnerMetrics learner(&registry);
  const std::vector<MetricDescription>& metrics = coordinator.catalogue().descriptions();
  const auto is_of_training = [](const MetricDescription& metric) {
    return absl::StartsWith(metric.name, "cohort_training_") && !IsOfStep(metric);
  };
  const auto is_of_service = [](const MetricDescription& metric) {
    return !absl::StartsWith(metric.name, "cohort_training_");
  };
  return absl::StrCat(
      kIntroduction, "\n## Every process\n\n", Table(ProcessMetrics()),
      "\n## Every process that serves TLS: coordinator and learner\n\n", Table(certificates.catalogue().descriptions()),
      "\n## Coordinator: the newest train step of every job\n\nGauges. They are there again after a "
      "restart of the coordinator.\n\n",
      StepTable(), "\n## Coordinator: evaluations and use of every job\n\n", Table(metrics, is_of_training),
      "\n## Coordinator: the service\n\n", Table(metrics, is_of_service), "\n## Rollout worker\n\n",
      Table(worker.catalogue().descriptions()), "\n## Learner\n\n", Table(learner.catalogue().descriptions()));
}

}  // namespace cohort::tests
