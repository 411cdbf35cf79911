// SPDX-License-Identifier: Apache-2.0
#include "cli/run_record.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/job_client.h"
#include "cli/output_format.h"

namespace cohort::cli {
namespace {

using nlohmann::ordered_json;

std::string Line(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

ordered_json StepJson(const std::string& job_id, const StepPoint& step) {
  ordered_json json = {{"job", job_id},
                       {"event", "step"},
                       {"policy_version", step.policy_version},
                       {"time", absl::FormatTime(absl::RFC3339_full, step.time, absl::UTCTimeZone())}};
  for (const auto& [name, value] : step.metrics) json[name] = value;
  return json;
}

ordered_json EvaluationJson(const std::string& job_id, const cohort::v1::EvaluationResult& result, absl::Time time) {
  ordered_json json = {{"job", job_id},
                       {"event", "evaluation"},
                       {"policy_version", result.policy_version()},
                       {"time", absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone())},
                       {"run", result.run()},
                       {"accuracy", result.accuracy()},
                       {"mean_reward", result.mean_reward()},
                       {"num_completions", result.num_completions()},
                       {"num_no_verdict", result.num_no_verdict()},
                       {"mean_completion_tokens", result.mean_completion_tokens()}};
  for (const auto& [k, share] : std::map<int32_t, double>(result.pass_at_k().begin(), result.pass_at_k().end())) {
    json["pass_at_k"][std::to_string(k)] = share;
  }
  return json;
}

ordered_json RescoreJson(const std::string& job_id, const cohort::v1::RescoreResult& result, absl::Time time) {
  return {{"job", job_id},
          {"event", "rescore"},
          {"time", absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone())},
          {"num_groups", result.num_groups()},
          {"num_completions", result.num_completions()},
          {"num_no_verdict", result.num_no_verdict()},
          {"mean_old_reward", result.mean_old_reward()},
          {"mean_new_reward", result.mean_new_reward()},
          {"unchanged_share", result.unchanged_share()}};
}

}  // namespace

bool JobHistory::Has(const std::string& metric) const {
  return std::any_of(steps.begin(), steps.end(), [&](const StepPoint& step) { return step.metrics.contains(metric); });
}

double JobHistory::Latest(const std::string& metric, double otherwise) const {
  if (steps.empty()) return otherwise;
  const auto found = steps.back().metrics.find(metric);
  return found == steps.back().metrics.end() ? otherwise : found->second;
}

double JobHistory::Largest(const std::string& metric) const {
  double largest = 0;
  for (const StepPoint& step : steps) {
    const auto found = step.metrics.find(metric);
    if (found != step.metrics.end()) largest = std::max(largest, found->second);
  }
  return largest;
}

double JobHistory::Mean(const std::string& metric) const {
  double sum = 0;
  int64_t count = 0;
  for (const StepPoint& step : steps) {
    const auto found = step.metrics.find(metric);
    if (found == step.metrics.end()) continue;
    sum += found->second;
    ++count;
  }
  return count == 0 ? 0 : sum / count;
}

double JobHistory::SecondsToFirstStep() const {
  if (steps.empty()) return -1;
  return absl::ToDoubleSeconds(steps.front().time - TimeOf(job.create_time()));
}

RunRecord::RunRecord(const cohort::v1::Job& job) {
  history_.job_id = JobId(job.name());
  history_.job = job;
}

std::string RunRecord::Apply(const cohort::v1::JobEvent& event) {
  absl::MutexLock lock(&mutex_);
  if (event.sequence() <= last_sequence_) return "";
  last_sequence_ = event.sequence();
  const absl::Time time = TimeOf(event.time());
  if (event.has_step()) {
    StepPoint step{.policy_version = event.step().policy_version(), .time = time, .metrics = {}};
    for (const auto& [name, value] : event.step().metrics()) step.metrics[name] = value;
    history_.steps.push_back(step);
    return Line(StepJson(history_.job_id, step));
  }
  if (event.has_evaluation()) {
    history_.evaluations.push_back(event.evaluation());
    return Line(EvaluationJson(history_.job_id, event.evaluation().result(), time));
  }
  if (event.has_rescore()) return Line(RescoreJson(history_.job_id, event.rescore(), time));
  if (event.has_state_changed()) history_.job = event.state_changed();
  return "";
}

void RunRecord::SetJob(const cohort::v1::Job& job) {
  absl::MutexLock lock(&mutex_);
  history_.job = job;
}

JobHistory RunRecord::Snapshot() const {
  absl::MutexLock lock(&mutex_);
  return history_;
}

}  // namespace cohort::cli
