// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <ostream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/chrome_trace.h"
#include "cli/job_client.h"
#include "cli/timeline.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace cohort::cli {
namespace {

// Without flags.
constexpr int64_t kDefaultSteps = 10;
constexpr int kStepsPerPage = 200;
constexpr int kGroupsPerPage = 100;
constexpr char kStandardOutput[] = "-";

struct TraceFlags {
  std::string job;
  std::optional<int64_t> first_step;
  std::optional<int64_t> last_step;
  std::string output = kStandardOutput;
};

// Train steps, both ends included.
struct StepRange {
  int64_t first = 0;
  int64_t last = 0;
};

absl::StatusOr<StepRange> RangeOf(JobClient& client, const std::string& job, const TraceFlags& flags) {
  StepRange range;
  if (flags.last_step.has_value()) {
    range.last = *flags.last_step;
  } else {
    COHORT_ASSIGN_OR_RETURN(const cohort::v1::Job found, client.Get(job));
    range.last = std::max<int64_t>(found.policy_version() - 1, 0);
  }
  range.first = flags.first_step.value_or(std::max<int64_t>(range.last - kDefaultSteps + 1, 0));
  if (range.first > range.last) {
    return absl::InvalidArgumentError(
        absl::StrCat("first_step: comes after the last one (", range.first, " > ", range.last, ")"));
  }
  return range;
}

absl::StatusOr<std::vector<cohort::v1::StepRecord>> FetchSteps(JobClient& client, const std::string& job,
                                                               const StepRange& range) {
  cohort::v1::ListStepsRequest request;
  request.set_parent(job);
  request.set_page_size(kStepsPerPage);
  request.set_first_version(range.first + 1);
  request.add_metrics("loss");  // one, rather than all of them
  request.set_with_timings(true);
  std::vector<cohort::v1::StepRecord> steps;
  do {
    COHORT_ASSIGN_OR_RETURN(auto page, client.ListSteps(request));
    for (cohort::v1::StepRecord& step : *page.mutable_steps()) {
      if (step.step().policy_version() <= range.first) continue;
      if (step.step().policy_version() > range.last + 1) return steps;
      steps.push_back(std::move(step));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return steps;
}

absl::StatusOr<std::vector<cohort::v1::StoredRollouts>> FetchGroups(JobClient& client, const std::string& job,
                                                                    const StepRange& range, int64_t* num_released) {
  cohort::v1::ListRolloutsRequest request;
  request.set_parent(job);
  request.set_page_size(kGroupsPerPage);
  request.mutable_filter()->set_first_step(range.first);
  request.mutable_filter()->set_last_step(range.last);
  request.set_timings_only(true);
  std::vector<cohort::v1::StoredRollouts> groups;
  do {
    COHORT_ASSIGN_OR_RETURN(auto page, client.ListRollouts(request));
    *num_released += page.num_released_groups();
    for (cohort::v1::StoredRollouts& stored : *page.mutable_rollouts()) groups.push_back(std::move(stored));
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return groups;
}

absl::Status Trace(const VerbContext& context, const TraceFlags& flags) {
  JobClient client = Connect(context);
  const std::string job = JobName(context.namespace_id, flags.job);
  COHORT_ASSIGN_OR_RETURN(const StepRange range, RangeOf(client, job, flags));
  COHORT_ASSIGN_OR_RETURN(const auto steps, FetchSteps(client, job, range));
  int64_t num_released = 0;
  COHORT_ASSIGN_OR_RETURN(const auto groups, FetchGroups(client, job, range, &num_released));
  const Timeline timeline = BuildTimeline(job, steps, groups);
  const std::string text = FormatChromeTrace(timeline);
  if (flags.output == kStandardOutput) {
    *context.console.out << text << std::flush;
  } else {
    COHORT_RETURN_IF_ERROR(common::WriteFileAtomically(flags.output, text));
  }
  context.console.Messages() << "cohortctl: steps " << range.first << " to " << range.last << ": " << steps.size()
                             << " committed steps, " << timeline.num_groups << " groups, on "
                             << timeline.processes.size() << " processes" << std::endl;
  if (num_released > 0) {
    context.console.Messages() << "cohortctl: the rollouts of " << num_released
                               << " groups are not kept any more, and their times with them (retention of the job file)"
                               << std::endl;
  }
  return absl::OkStatus();
}

}  // namespace

void AddTrace(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<TraceFlags>();
  CLI::App* verb = app.add_subcommand(
      "trace", "Writes when things happened to a job's groups and steps, as a file for Perfetto or chrome://tracing");
  AddJobArgument(verb, flags->job);
  verb->add_option("--first_step", flags->first_step,
                   "from the train step on that starts from this policy version, from 0; default: the last ten")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("--last_step", flags->last_step,
                   "up to the one that starts from this version; default: the last one that is committed")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("--output", flags->output, "the file; - is standard output")->capture_default_str();
  verb->callback([&context, flags] {
    const absl::Status status = Trace(context, *flags);
    if (!status.ok()) Fail(context, status);
  });
}

}  // namespace cohort::cli
