// SPDX-License-Identifier: Apache-2.0
#include "cli/run_report.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/evaluation_comparison.h"
#include "cli/job_output.h"
#include "cli/progress.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "common/utf8.h"

namespace cohort::cli {
namespace {

using cohort::v1::EvaluationReport;

constexpr size_t kNumSamples = 3;
constexpr size_t kSampleBytes = 200;

std::string Percent(double share) { return absl::StrFormat("%.1f %%", 100 * share); }
std::string Decimal(double value) { return absl::StrFormat("%.4f", value); }

// What was before the training; a job that trains nothing has no before.
std::string Before(const BeforeAfter& row, const std::string& text) { return row.is_measured_once ? "-" : text; }

// What accuracy does not say: the mean reward, unless it is the accuracy, and each verifier's mean, if there are
// several.
void AppendMeans(const std::string& job_id, const BeforeAfter& row, std::vector<std::vector<std::string>>* rows) {
  const cohort::v1::EvaluationResult& before = row.before->result();
  const cohort::v1::EvaluationResult& after = row.after->result();
  const bool is_accuracy = before.mean_reward() == before.accuracy() && after.mean_reward() == after.accuracy();
  const std::string completions = absl::StrCat(after.num_completions());
  if (!is_accuracy || row.required_reward.has_value()) {
    rows->push_back({job_id, row.run + ", mean reward", Before(row, Decimal(before.mean_reward())),
                     Decimal(after.mean_reward()),
                     row.required_reward.has_value() ? Decimal(*row.required_reward) : "-", completions});
  }
  if (after.mean_values().size() < 2) return;
  const std::map<std::string, double> values(after.mean_values().begin(), after.mean_values().end());
  for (const auto& [verifier, value] : values) {
    const auto found = before.mean_values().find(verifier);
    rows->push_back({job_id, absl::StrCat(row.run, ", mean ", verifier),
                     found == before.mean_values().end() ? "-" : Before(row, Decimal(found->second)), Decimal(value),
                     "-", completions});
  }
}

void AppendPassAtK(const std::string& job_id, const BeforeAfter& row, std::vector<std::vector<std::string>>* rows) {
  const auto& before = row.before->result().pass_at_k();
  const auto& after = row.after->result().pass_at_k();
  for (const auto& [k, share] : std::map<int32_t, double>(after.begin(), after.end())) {
    const auto found = before.find(k);
    rows->push_back({job_id, absl::StrCat(row.run, ", pass@", k),
                     found == before.end() ? "-" : Before(row, Percent(found->second)), Percent(share), "-",
                     absl::StrCat(row.after->result().num_completions())});
  }
}

void AppendRescores(const RunReport& report, std::string& text) {
  std::vector<std::vector<std::string>> rows = {
      {"JOB", "GROUPS", "COMPLETIONS", "NO VERDICT", "OLD REWARD", "NEW REWARD", "UNCHANGED"}};
  for (const JobHistory& history : report.jobs) {
    if (!history.job.has_rescore()) continue;
    const auto& result = history.job.rescore();
    rows.push_back({history.job_id, absl::StrCat(result.num_groups()), absl::StrCat(result.num_completions()),
                    absl::StrCat(result.num_no_verdict()), Decimal(result.mean_old_reward()),
                    Decimal(result.mean_new_reward()), Percent(result.unchanged_share())});
  }
  if (rows.size() > 1) absl::StrAppend(&text, "\n", FormatTable(rows));
}

void AppendEvaluations(const RunReport& report, std::string& text) {
  std::vector<std::vector<std::string>> rows = {{"JOB", "EVALUATION", "BEFORE", "AFTER", "REQUIRED", "COMPLETIONS"}};
  for (const JobHistory& history : report.jobs) {
    for (const BeforeAfter& row : CompareEvaluations(history)) {
      rows.push_back({history.job_id, row.run, Before(row, Percent(row.before->result().accuracy())),
                      Percent(row.after->result().accuracy()), row.required > 0 ? Percent(row.required) : "-",
                      absl::StrCat(row.after->result().num_completions())});
      AppendPassAtK(history.job_id, row, &rows);
      AppendMeans(history.job_id, row, &rows);
    }
  }
  if (rows.size() > 1) absl::StrAppend(&text, "\n", FormatTable(rows));
}

void AppendSamples(const RunReport& report, const Console& console, std::string& text) {
  for (auto history = report.jobs.rbegin(); history != report.jobs.rend(); ++history) {
    const std::vector<BeforeAfter> rows = CompareEvaluations(*history);
    if (rows.empty() || rows[0].after->samples().empty()) continue;
    absl::StrAppend(&text,
                    history->job.spec().has_eval() ? "\nCompletions (" : "\nHeld-out completions after training (",
                    rows[0].run, "):\n");
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
         HasRanks(history.job.spec())
             ? absl::StrCat(history.job.policy_version(), "/", history.job.spec().training().num_steps())
             : "-",
         first < 0 ? "-" : absl::StrFormat("%.2f s", first),
         is_rlvr ? CountText(history.Mean("generation_tokens_per_second")) + " tok/s" : "-",
         history.steps.empty() ? "-" : CountText(history.Mean("learner_tokens_per_second")) + " tok/s",
         history.Has("mismatch_max_abs") ? absl::StrFormat("%.3g", history.Largest("mismatch_max_abs")) : "-"});
  }
  absl::StrAppend(&text, "\n", FormatTable(rows));
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
  AppendRescores(report, text);
  AppendSamples(report, console, text);
  AppendFigures(report, text);
  for (const JobHistory& history : report.jobs) {
    if (history.job.state_reason().empty()) continue;
    const std::string sentence = absl::StrCat(history.job_id, ": ", OneLine(history.job.state_reason()));
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
