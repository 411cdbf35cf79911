// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <ostream>
#include <utility>
#include <vector>

#include "cli/job_client.h"
#include "cli/record_output.h"
#include "cli/step_history.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"

namespace cohort::cli {
namespace {

struct StepsFlags {
  std::string job;
  std::vector<std::string> metrics;
  int64_t first_version = 0;
  bool follows = false;
  OutputFormat output = OutputFormat::kTable;
};

// The columns when nobody asked for some: the usual ones that there are, or all of them.
std::vector<std::string> DefaultColumns(const cohort::v1::ListStepsResponse& steps, OutputFormat format) {
  const std::vector<std::string> all = StepColumns(steps, {});
  if (format != OutputFormat::kTable) return all;
  std::vector<std::string> columns;
  for (const std::string& metric : UsualMetrics()) {
    if (std::find(all.begin(), all.end(), metric) != all.end()) columns.push_back(metric);
  }
  return columns;
}

// Prints steps as they come, below one heading. Not thread-safe.
class StepPrinter final {
 public:
  StepPrinter(std::ostream* out, const StepsFlags& flags) : out_(out), flags_(flags) {}

  // The steps give the columns, if nobody asked for some, when they are the first.
  void Print(const cohort::v1::ListStepsResponse& steps) {
    if (!has_heading_) {
      columns_ = flags_.metrics.empty() ? DefaultColumns(steps, flags_.output) : flags_.metrics;
      *out_ << StepHeading(columns_, flags_.output);
      has_heading_ = true;
    }
    for (const auto& step : steps.steps()) {
      *out_ << FormatStep(step, columns_, flags_.output);
      last_version_ = step.step().policy_version();
    }
    out_->flush();
  }
  int64_t LastVersion() const { return last_version_; }

 private:
  std::ostream* const out_;
  const StepsFlags& flags_;
  bool has_heading_ = false;
  std::vector<std::string> columns_;
  int64_t last_version_ = 0;
};

// Prints the steps of the job's events after those that were printed, until the job ends.
absl::Status Follow(JobClient& client, const std::string& name, const StepsFlags& flags, StepPrinter& printer) {
  const int64_t after_version = std::max(printer.LastVersion(), flags.first_version - 1);
  return FollowSteps(client, name, after_version, [&](const cohort::v1::StepRecord& step) {
    cohort::v1::ListStepsResponse steps;
    cohort::v1::StepRecord& record = *steps.add_steps();
    record = step;
    if (!flags.metrics.empty()) {
      record.mutable_step()->clear_metrics();
      for (const std::string& metric : flags.metrics) {
        const auto found = step.step().metrics().find(metric);
        if (found != step.step().metrics().end()) (*record.mutable_step()->mutable_metrics())[metric] = found->second;
      }
    }
    printer.Print(steps);
  });
}

void RunSteps(VerbContext& context, const StepsFlags& flags) {
  JobClient client = Connect(context);
  cohort::v1::ListStepsRequest request;
  request.set_parent(JobName(context.namespace_id, flags.job));
  request.set_page_size(1000);
  request.set_first_version(flags.first_version);
  request.mutable_metrics()->Assign(flags.metrics.begin(), flags.metrics.end());
  const auto all = ListAllSteps(client, request);
  if (!all.ok()) return Fail(context, all.status());
  const auto document = flags.follows ? std::nullopt : AsListDocument(*all, flags.output);
  if (document.has_value()) {
    *context.console.out << *document;
    return;
  }
  StepPrinter printer(context.console.out, flags);
  if (all->steps_size() > 0 || !flags.follows) printer.Print(*all);
  if (!flags.follows) return;
  const absl::Status status = Follow(client, request.parent(), flags, printer);
  if (!status.ok()) Fail(context, status);
}

}  // namespace

void AddSteps(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<StepsFlags>();
  CLI::App* verb = app.add_subcommand("steps", "Shows the metrics of a job's committed train steps, oldest first");
  AddJobArgument(verb, flags->job);
  verb->add_option("--metrics", flags->metrics,
                   "only these, by commas, in this order; default: a few in a table, else all")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--first_version", flags->first_version, "only steps that ended in this version or a later one")
      ->check(CLI::NonNegativeNumber);
  verb->add_flag("--follow", flags->follows, "go on with every further step until the job ends");
  AddOutputFlag(
      verb, flags->output,
      {OutputFormat::kTable, OutputFormat::kWide, OutputFormat::kCsv, OutputFormat::kJson, OutputFormat::kYaml});
  verb->callback([&context, flags] { RunSteps(context, *flags); });
}

}  // namespace cohort::cli
