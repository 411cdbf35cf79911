// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/evaluation_comparison.h"
#include "cli/job_output.h"
#include "cli/run_report.h"

namespace cohort::cli {
namespace {

using nlohmann::ordered_json;

std::map<int32_t, double> PassAtK(const cohort::v1::EvaluationResult& result) {
  return {result.pass_at_k().begin(), result.pass_at_k().end()};
}

ordered_json EvaluationJson(const BeforeAfter& row) {
  const cohort::v1::EvaluationResult& before = row.before->result();
  const cohort::v1::EvaluationResult& after = row.after->result();
  ordered_json json = {{"run", row.run}};
  if (!row.is_measured_once) {
    json["before"] = before.accuracy();
    json["before_version"] = before.policy_version();
    json["mean_reward_before"] = before.mean_reward();
    for (const auto& [k, share] : PassAtK(before)) json["pass_at_k_before"][std::to_string(k)] = share;
  }
  json["after"] = after.accuracy();
  json["after_version"] = after.policy_version();
  json["mean_reward_after"] = after.mean_reward();
  for (const auto& [k, share] : PassAtK(after)) json["pass_at_k_after"][std::to_string(k)] = share;
  json["required"] = row.required;
  const auto& values = after.mean_values();
  for (const auto& [verifier, value] : std::map<std::string, double>(values.begin(), values.end())) {
    json["mean_values_after"][verifier] = value;
  }
  return json;
}

ordered_json RescoreJson(const cohort::v1::RescoreResult& result) {
  return {{"num_groups", result.num_groups()},           {"num_completions", result.num_completions()},
          {"num_no_verdict", result.num_no_verdict()},   {"mean_old_reward", result.mean_old_reward()},
          {"mean_new_reward", result.mean_new_reward()}, {"unchanged_share", result.unchanged_share()}};
}

ordered_json JobJson(const RunReport& report, const JobHistory& history) {
  ordered_json json = {{"job", history.job_id},
                       {"kind", KindText(history.job.spec())},
                       {"state", StateText(history.job.state())},
                       {"state_reason", history.job.state_reason()},
                       {"policy_version", history.job.policy_version()},
                       {"num_steps", history.job.spec().training().num_steps()},
                       {"seed", history.job.spec().training().seed()},
                       {"seconds_to_first_step", history.SecondsToFirstStep()},
                       {"curves", CurvesPath(report, history)},
                       {"checkpoint", history.job.checkpoint_path()},
                       {"dropped_groups", ordered_json::object()},
                       {"evaluations", ordered_json::array()}};
  // What was not measured is absent, not 0.
  for (const char* metric : {"generation_tokens_per_second", "learner_tokens_per_second"}) {
    if (history.Has(metric)) json[metric] = history.Mean(metric);
  }
  if (history.Has("mismatch_max_abs")) json["largest_mismatch_max_abs"] = history.Largest("mismatch_max_abs");
  for (const auto& [reason, count] : history.job.dropped_groups()) json["dropped_groups"][reason] = count;
  for (const BeforeAfter& row : CompareEvaluations(history)) json["evaluations"].push_back(EvaluationJson(row));
  if (history.job.has_rescore()) json["rescore"] = RescoreJson(history.job.rescore());
  return json;
}

}  // namespace

std::string SummaryJson(const RunReport& report) {
  ordered_json json = {{"run_dir", report.run_dir},
                       {"metrics", report.metrics_path},
                       {"total_seconds", absl::ToDoubleSeconds(report.total_time)},
                       {"jobs", ordered_json::array()}};
  for (const JobHistory& history : report.jobs) json["jobs"].push_back(JobJson(report, history));
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace cohort::cli
