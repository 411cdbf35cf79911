// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "cli/job_client.h"
#include "cli/record_output.h"
#include "cli/step_history.h"
#include "cli/svg_chart.h"
#include "cli/terminal_plot.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"
#include "common/config/closest_name.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace cohort::cli {
namespace {

using cohort::v1::ListStepsRequest;
using cohort::v1::ListStepsResponse;

// Steps whose metrics --list looks through.
constexpr int64_t kListedSteps = 100;
// Columns of points in an SVG: more than it has pixels across.
constexpr int kSvgColumns = 1000;

struct MetricsFlags {
  std::string job;
  std::vector<std::string> metrics;
  int64_t last = 0;
  int smooth = 1;
  std::string svg_path;
  bool is_list = false;
  OutputFormat output = OutputFormat::kTable;  // stands for plots
  bool follows = false;
};

// The newest `count` steps of a job, all of them if it is 0, with these metrics, all of them if none is named.
absl::StatusOr<ListStepsResponse> NewestSteps(JobClient& client, const std::string& name, int64_t count,
                                              const std::vector<std::string>& metrics) {
  ListStepsRequest request;
  request.set_parent(name);
  request.set_page_size(1000);
  request.mutable_metrics()->Assign(metrics.begin(), metrics.end());
  if (count > 0) {
    COHORT_ASSIGN_OR_RETURN(const cohort::v1::Job job, client.Get(name));
    request.set_first_version(std::max<int64_t>(0, job.policy_version() - count + 1));
  }
  COHORT_ASSIGN_OR_RETURN(ListStepsResponse steps, ListAllSteps(client, request));
  // Steps may have come since.
  if (count > 0 && steps.steps_size() > count) {
    steps.mutable_steps()->DeleteSubrange(0, steps.steps_size() - static_cast<int>(count));
  }
  return steps;
}

// A metric that was asked for and that no step has is most likely a typing error.
absl::Status CheckNames(JobClient& client, const std::string& name, const std::vector<MetricSeries>& series) {
  for (const MetricSeries& one : series) {
    if (!one.points.empty()) continue;
    COHORT_ASSIGN_OR_RETURN(const ListStepsResponse steps, NewestSteps(client, name, kListedSteps, {}));
    const std::string closest = common::ClosestName(one.name, StepColumns(steps, {}));
    return absl::NotFoundError(absl::StrCat("--metrics: no step has it", closest.empty() ? "" : "; did you mean ",
                                            closest, closest.empty() ? "" : "?", " (", one.name,
                                            "); cohortctl metrics ", JobId(name), " --list names them"));
  }
  return absl::OkStatus();
}

// What is shown: the metrics asked for, or the usual ones that there are.
std::vector<MetricSeries> ShownSeries(const ListStepsResponse& steps, const MetricsFlags& flags) {
  std::vector<MetricSeries> all = SeriesOf(steps, flags.metrics.empty() ? UsualMetrics() : flags.metrics);
  if (flags.metrics.empty()) {
    all.erase(std::remove_if(all.begin(), all.end(), [](const MetricSeries& one) { return one.points.empty(); }),
              all.end());
  }
  if (flags.smooth > 1) {
    for (MetricSeries& one : all) one = Smoothed(one, flags.smooth);
  }
  return all;
}

std::string PlotsOf(const std::vector<MetricSeries>& series, int columns) {
  if (series.empty()) return "no step yet\n";
  std::string text;
  for (const MetricSeries& one : series) absl::StrAppend(&text, RenderTerminalPlot(one, columns));
  return text;
}

std::string CsvOf(const ListStepsResponse& steps, const std::vector<std::string>& asked) {
  const std::vector<std::string> columns = StepColumns(steps, asked);
  std::string text = StepHeading(columns, OutputFormat::kCsv);
  for (const auto& step : steps.steps()) absl::StrAppend(&text, FormatStep(step, columns, OutputFormat::kCsv));
  return text;
}

absl::Status WriteSvg(const std::vector<MetricSeries>& series, const MetricsFlags& flags) {
  Chart chart{.title = JobId(flags.job), .x_label = "policy version", .y_label = "", .series = {}};
  for (const MetricSeries& one : series) {
    chart.series.push_back({.name = one.name, .points = Thinned(one, kSvgColumns).points});
  }
  if (chart.series.size() == 1) chart.y_label = chart.series[0].name;
  return common::WriteFileAtomically(flags.svg_path, RenderSvg(chart));
}

// On a terminal the picture is drawn anew with every step; elsewhere once, when the job has ended.
absl::Status Follow(VerbContext& context, JobClient& client, const std::string& name, const MetricsFlags& flags,
                    ListStepsResponse steps) {
  const Console& console = context.console;
  const auto draw = [&] { *console.out << PlotsOf(ShownSeries(steps, flags), console.out_columns) << std::flush; };
  const auto redraw = [&] {
    *console.out << "\033[H\033[J";
    draw();
  };
  if (console.out_is_terminal) redraw();
  const int64_t newest = steps.steps().empty() ? 0 : steps.steps(steps.steps_size() - 1).step().policy_version();
  COHORT_RETURN_IF_ERROR(FollowSteps(client, name, newest, [&](const cohort::v1::StepRecord& step) {
    *steps.add_steps() = step;
    if (flags.last > 0 && steps.steps_size() > flags.last) steps.mutable_steps()->DeleteSubrange(0, 1);
    if (console.out_is_terminal) redraw();
  }));
  if (!console.out_is_terminal) draw();
  return absl::OkStatus();
}

absl::Status RunMetrics(VerbContext& context, const MetricsFlags& flags) {
  JobClient client = Connect(context);
  const std::string name = JobName(context.namespace_id, flags.job);
  if (flags.is_list) {
    COHORT_ASSIGN_OR_RETURN(const ListStepsResponse steps, NewestSteps(client, name, kListedSteps, {}));
    for (const std::string& metric : StepColumns(steps, {})) *context.console.out << metric << "\n";
    return absl::OkStatus();
  }
  // CSV has every metric unless some are asked for.
  const std::vector<std::string> wanted =
      flags.metrics.empty() && flags.output != OutputFormat::kCsv ? UsualMetrics() : flags.metrics;
  COHORT_ASSIGN_OR_RETURN(ListStepsResponse steps, NewestSteps(client, name, flags.last, wanted));
  if (!steps.steps().empty()) COHORT_RETURN_IF_ERROR(CheckNames(client, name, SeriesOf(steps, flags.metrics)));
  if (flags.output == OutputFormat::kCsv) {
    *context.console.out << CsvOf(steps, flags.metrics);
    return absl::OkStatus();
  }
  if (flags.svg_path.empty() && flags.follows) return Follow(context, client, name, flags, std::move(steps));
  const std::vector<MetricSeries> series = ShownSeries(steps, flags);
  if (flags.svg_path.empty()) {
    *context.console.out << PlotsOf(series, context.console.out_columns);
    return absl::OkStatus();
  }
  COHORT_RETURN_IF_ERROR(WriteSvg(series, flags));
  context.console.Messages() << flags.svg_path << " written" << std::endl;
  return absl::OkStatus();
}

}  // namespace

void AddMetrics(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<MetricsFlags>();
  CLI::App* verb = app.add_subcommand("metrics", "Plots the metrics of a job's committed train steps, as text or SVG");
  AddJobArgument(verb, flags->job);
  verb->add_option("--metrics", flags->metrics, "these, by commas, in this order; default: a few")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--last", flags->last, "only the newest so many steps")->check(CLI::PositiveNumber);
  CLI::Option* smooth =
      verb->add_option("--smooth", flags->smooth, "plot means over so many steps")->check(CLI::Range(1, 100000));
  CLI::Option* list = verb->add_flag("--list", flags->is_list, "names of metrics, one a line, instead of plots");
  AddOutputFlag(verb, flags->output, {OutputFormat::kCsv}, "values instead of plots, of all metrics by default");
  CLI::Option* csv = verb->get_option("--output");
  CLI::Option* svg =
      verb->add_option("--svg", flags->svg_path, "file to write one chart of all of them to, instead of plots");
  CLI::Option* follow = verb->add_flag(
      "--follow", flags->follows, "until the job ends; on a terminal drawn anew with every step, else once at the end");
  list->excludes(csv)->excludes(svg)->excludes(follow);
  csv->excludes(svg)->excludes(follow)->excludes(smooth);
  svg->excludes(follow);
  verb->callback([&context, flags] {
    const absl::Status status = RunMetrics(context, *flags);
    if (!status.ok()) Fail(context, status);
  });
}

}  // namespace cohort::cli
