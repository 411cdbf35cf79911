// SPDX-License-Identifier: Apache-2.0
#include "cli/run_report.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/job_output.h"
#include "cli/progress.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "common/utf8.h"

namespace cohort::cli {
namespace {

using cohort::v1::EvaluationReport;
using nlohmann::ordered_json;

constexpr size_t kNumSamples = 3;
constexpr size_t kSampleBytes = 200;

// First and newest evaluation of one run.
struct BeforeAfter {
  std::string run;
  const EvaluationReport* before = nullptr;
  const EvaluationReport* after = nullptr;
  double required = 0;
  std::optional<double> required_reward = std::nullopt;
};

std::vector<BeforeAfter> CompareEvaluations(const JobHistory& history) {
  std::vector<BeforeAfter> rows;
  for (const auto& run : history.job.spec().evaluation().runs()) {
    BeforeAfter row{.run = run.name(), .required = run.min_final_accuracy()};
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

std::string Percent(double share) { return absl::StrFormat("%.1f %%", 100 * share); }
std::string Decimal(double value) { return absl::StrFormat("%.4f", value); }

// What accuracy does not say: the mean reward, unless it is the accuracy, and each verifier's mean, if there are
// several.
void AppendMeans(const std::string& job_id, const BeforeAfter& row, std::vector<std::vector<std::string>>* rows) {
  const cohort::v1::EvaluationResult& before = row.before->result();
  const cohort::v1::EvaluationResult& after = row.after->result();
  const bool is_accuracy = before.mean_reward() == before.accuracy() && after.mean_reward() == after.accuracy();
  const std::string completions = absl::StrCat(after.num_completions());
  if (!is_accuracy || row.required_reward.has_value()) {
    rows->push_back({job_id, row.run + ", mean reward", Decimal(before.mean_reward()), Decimal(after.mean_reward()),
                     row.required_reward.has_value() ? Decimal(*row.required_reward) : "-", completions});
  }
  if (after.mean_values().size() < 2) return;
  const std::map<std::string, double> values(after.mean_values().begin(), after.mean_values().end());
  for (const auto& [verifier, value] : values) {
    const auto found = before.mean_values().find(verifier);
    rows->push_back({job_id, absl::StrCat(row.run, ", mean ", verifier),
                     found == before.mean_values().end() ? "-" : Decimal(found->second), Decimal(value), "-",
                     completions});
  }
}

void AppendEvaluations(const RunReport& report, std::string& text) {
  std::vector<std::vector<std::string>> rows = {{"JOB", "EVALUATION", "BEFORE", "AFTER", "REQUIRED", "COMPLETIONS"}};
  for (const JobHistory& history : report.jobs) {
    for (const BeforeAfter& row : CompareEvaluations(history)) {
      rows.push_back({history.job_id, row.run, Percent(row.before->result().accuracy()),
                      Percent(row.after->result().accuracy()), row.required > 0 ? Percent(row.required) : "-",
                      absl::StrCat(row.after->result().num_completions())});
      AppendMeans(history.job_id, row, &rows);
    }
  }
  if (rows.size() > 1) absl::StrAppend(&text, "\n", FormatTable(rows));
}

void AppendSamples(const RunReport& report, const Console& console, std::string& text) {
  for (auto history = report.jobs.rbegin(); history != report.jobs.rend(); ++history) {
    const std::vector<BeforeAfter> rows = CompareEvaluations(*history);
    if (rows.empty() || rows[0].after->samples().empty()) continue;
    absl::StrAppend(&text, "\nHeld-out completions after training (", rows[0].run, "):\n");
    const auto& samples = rows[0].after->samples();
    for (size_t i = 0; i < std::min<size_t>(kNumSamples, samples.size()); ++i) {
      const auto& sample = samples[static_cast<int>(i)];
      // With several verifiers the text has a part for each.
      const bool is_right = !absl::StrContains(sample.verdict(), "wrong:") &&
                            !absl::StrContains(sample.verdict(), "no verdict:") &&
                            !absl::StrContains(sample.verdict(), "graded 0");
      // The model's text may hold anything, also what a terminal obeys.
      absl::StrAppend(&text, "  ", common::Printable(sample.prompt(), kSampleBytes),
                      common::Printable(sample.completion(), kSampleBytes), "   [",
                      is_right ? Green(console, sample.verdict()) : Red(console, sample.verdict()),
                      sample.answer().empty() ? "" : "; ground truth ", sample.answer(), "]\n");
    }
    return;
  }
}

void AppendFigures(const RunReport& report, std::string& text) {
  std::vector<std::vector<std::string>> rows = {
      {"JOB", "STATE", "STEPS", "FIRST STEP", "WORKERS", "LEARNER", "LARGEST MISMATCH"}};
  for (const JobHistory& history : report.jobs) {
    const bool is_rlvr = history.Has("generation_tokens_per_second");
    const double first = history.SecondsToFirstStep();
    rows.push_back(
        {history.job_id, StateText(history.job.state()),
         absl::StrCat(history.job.policy_version(), "/", history.job.spec().training().num_steps()),
         first < 0 ? "-" : absl::StrFormat("%.2f s", first),
         is_rlvr ? CountText(history.Mean("generation_tokens_per_second")) + " tok/s" : "-",
         history.steps.empty() ? "-" : CountText(history.Mean("learner_tokens_per_second")) + " tok/s",
         history.Has("mismatch_max_abs") ? absl::StrFormat("%.3g", history.Largest("mismatch_max_abs")) : "-"});
  }
  absl::StrAppend(&text, "\n", FormatTable(rows));
}

ordered_json JobJson(const RunReport& report, const JobHistory& history) {
  ordered_json json = {{"job", history.job_id},
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
  for (const BeforeAfter& row : CompareEvaluations(history)) {
    json["evaluations"].push_back({{"run", row.run},
                                   {"before", row.before->result().accuracy()},
                                   {"before_version", row.before->result().policy_version()},
                                   {"after", row.after->result().accuracy()},
                                   {"after_version", row.after->result().policy_version()},
                                   {"required", row.required},
                                   {"mean_reward_before", row.before->result().mean_reward()},
                                   {"mean_reward_after", row.after->result().mean_reward()}});
    const auto& values = row.after->result().mean_values();
    for (const auto& [verifier, value] : std::map<std::string, double>(values.begin(), values.end())) {
      json["evaluations"].back()["mean_values_after"][verifier] = value;
    }
  }
  return json;
}

ChartSeries SeriesOf(const JobHistory& history, const std::string& metric, const std::string& name) {
  ChartSeries series{.name = name, .points = {}};
  for (const StepPoint& step : history.steps) {
    const auto found = step.metrics.find(metric);
    if (found != step.metrics.end()) series.points.emplace_back(step.policy_version, found->second);
  }
  return series;
}

}  // namespace

std::string ReportText(const RunReport& report, const Console& console) {
  std::string text;
  AppendEvaluations(report, text);
  AppendSamples(report, console, text);
  AppendFigures(report, text);
  for (const JobHistory& history : report.jobs) {
    if (history.job.state_reason().empty()) continue;
    const std::string sentence = absl::StrCat(history.job_id, ": ", history.job.state_reason());
    const bool has_succeeded = history.job.state() == cohort::v1::JOB_STATE_SUCCEEDED;
    absl::StrAppend(&text, "\n", has_succeeded ? sentence : Red(console, sentence), "\n");
  }
  std::vector<std::vector<std::string>> paths = {{"run folder", report.run_dir}, {"metrics", report.metrics_path}};
  for (const JobHistory& history : report.jobs) {
    if (!history.steps.empty()) paths.push_back({"curves of " + history.job_id, CurvesPath(report, history)});
  }
  if (!report.jobs.empty() && !report.jobs.back().job.checkpoint_path().empty()) {
    paths.push_back({"final checkpoint", report.jobs.back().job.checkpoint_path()});
  }
  paths.push_back({"total time", ClockText(report.total_time)});
  return absl::StrCat(text, "\n", FormatTable(paths));
}

std::string SummaryJson(const RunReport& report) {
  ordered_json json = {{"run_dir", report.run_dir},
                       {"metrics", report.metrics_path},
                       {"total_seconds", absl::ToDoubleSeconds(report.total_time)},
                       {"jobs", ordered_json::array()}};
  for (const JobHistory& history : report.jobs) json["jobs"].push_back(JobJson(report, history));
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

Chart CurvesOf(const JobHistory& history) {
  Chart chart{.title = history.job_id, .x_label = "policy version (train steps)", .y_label = "", .series = {}};
  if (!history.Has("reward_mean")) {
    chart.y_label = "loss";
    chart.series.push_back(SeriesOf(history, "loss", "loss"));
    return chart;
  }
  chart.y_label = "share or reward";
  chart.is_share = true;
  chart.series.push_back(SeriesOf(history, "reward_mean", "reward (mean of the step)"));
  chart.series.push_back(SeriesOf(history, "accuracy", "accuracy (training problems)"));
  for (const BeforeAfter& row : CompareEvaluations(history)) {
    ChartSeries accuracy{.name = "held-out, " + row.run, .points = {}, .is_scatter = true};
    ChartSeries reward{.name = accuracy.name + ", mean reward", .points = {}, .is_scatter = true};
    for (const EvaluationReport& report : history.evaluations) {
      if (report.result().run() != row.run) continue;
      accuracy.points.emplace_back(report.result().policy_version(), report.result().accuracy());
      reward.points.emplace_back(report.result().policy_version(), report.result().mean_reward());
    }
    chart.series.push_back(accuracy);
    if (reward.points != accuracy.points) chart.series.push_back(reward);
  }
  return chart;
}

std::string CurvesPath(const RunReport& report, const JobHistory& history) {
  return absl::StrCat(report.run_dir, "/curves/", history.job_id, ".svg");
}

absl::Status WriteReportFiles(const RunReport& report) {
  std::error_code error;
  std::filesystem::create_directories(report.run_dir + "/curves", error);
  if (error)
    return absl::InternalError(absl::StrCat("folder cannot be made: ", error.message(), " (", report.run_dir, ")"));
  for (const JobHistory& history : report.jobs) {
    if (history.steps.empty()) continue;
    COHORT_RETURN_IF_ERROR(common::WriteFileAtomically(CurvesPath(report, history), RenderSvg(CurvesOf(history))));
  }
  return common::WriteFileAtomically(report.run_dir + "/summary.json", SummaryJson(report));
}

}  // namespace cohort::cli
