// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <ostream>
#include <string>

#include "absl/time/time.h"
#include "cli/job_client.h"
#include "cli/log_output.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"
#include "common/config/proto_time.h"
#include "common/status_macros.h"

namespace cohort::cli {
namespace {

struct LogsFlags {
  std::string job;
  bool follows = false;
  cohort::v1::ProcessRole role = cohort::v1::PROCESS_ROLE_UNSPECIFIED;
  std::string process;
  cohort::v1::LogLevel min_level = cohort::v1::LOG_LEVEL_UNSPECIFIED;
  int32_t tail = 100;
  std::string since;
  OutputFormat output = OutputFormat::kTable;
};

// What CLI11 prints behind the flag; empty when the text is a span of time.
std::string SpanComplaint(const std::string& text) {
  absl::Duration span;
  const bool is_span = absl::ParseDuration(text, &span) && span >= absl::ZeroDuration();
  return is_span ? "" : "must be a span of time: 30s, 10m, 2h (" + text + ")";
}

// The newest line that is held of the job, as a resume token; 0 if there is none.
absl::StatusOr<int64_t> NewestLine(JobClient& client, const std::string& job) {
  cohort::v1::WatchLogsRequest request;
  request.set_name(job);
  request.set_tail(1);
  int64_t newest = 0;
  COHORT_RETURN_IF_ERROR(client.WatchLogs(request, kPatience, [&](const cohort::v1::LogLine& line) {
    newest = line.sequence();
    return true;
  }));
  return newest;
}

void RunLogs(VerbContext& context, const LogsFlags& flags) {
  JobClient client = Connect(context);
  cohort::v1::WatchLogsRequest request;
  request.set_name(JobName(context.namespace_id, flags.job));
  request.set_follow(flags.follows);
  request.set_role(flags.role);
  request.set_process(flags.process);
  request.set_min_level(flags.min_level);
  request.set_tail(std::max(flags.tail, 0));
  absl::Duration since;
  if (absl::ParseDuration(flags.since, &since)) *request.mutable_since() = common::ToProtoDuration(since);
  // Patience is for a coordinator that goes away later: one that was never there is said at once.
  const auto known = client.Get(request.name());
  if (!known.ok()) return Fail(context, known.status());
  if (flags.tail == 0) {
    if (!flags.follows) return;
    const auto newest = NewestLine(client, request.name());
    if (!newest.ok()) return Fail(context, newest.status());
    request.set_resume_token(*newest);
  }
  const absl::Status status = client.WatchLogs(request, kPatience, [&](const cohort::v1::LogLine& line) {
    *context.console.out << FormatLogLine(line, flags.output, context.console) << std::flush;
    return true;
  });
  if (!status.ok()) Fail(context, status);
}

}  // namespace

void AddLogs(CLI::App& app, VerbContext& context) {
  const std::map<std::string, cohort::v1::ProcessRole> roles = {{"coordinator", cohort::v1::PROCESS_ROLE_COORDINATOR},
                                                                {"worker", cohort::v1::PROCESS_ROLE_ROLLOUT_WORKER},
                                                                {"learner", cohort::v1::PROCESS_ROLE_LEARNER}};
  const std::map<std::string, cohort::v1::LogLevel> levels = {{"debug", cohort::v1::LOG_LEVEL_DEBUG},
                                                              {"info", cohort::v1::LOG_LEVEL_INFO},
                                                              {"warning", cohort::v1::LOG_LEVEL_WARNING},
                                                              {"error", cohort::v1::LOG_LEVEL_ERROR}};
  auto flags = std::make_shared<LogsFlags>();
  CLI::App* verb = app.add_subcommand("logs", "Shows what the processes have logged about a job, oldest first");
  AddJobArgument(verb, flags->job);
  verb->add_flag("-f,--follow", flags->follows, "go on with every further line until the job has ended");
  verb->add_option("--role", flags->role, "only lines of the coordinator, of workers or of learner ranks")
      ->transform(CLI::CheckedTransformer(roles).description(ChoicesText(roles)));
  verb->add_option("--process", flags->process, "only lines of this worker or rank, as ps names it");
  verb->add_option("--level", flags->min_level, "only lines of this level and above")
      ->transform(CLI::CheckedTransformer(levels).description(ChoicesText(levels)));
  verb->add_option("--tail", flags->tail, "only the newest so many lines; 0: none; -1: all that are held")
      ->check(CLI::Range(-1, std::numeric_limits<int32_t>::max()).description("INT >= -1"))
      ->capture_default_str();
  verb->add_option("--since", flags->since, "only lines of the last so long (10m)")->check(SpanComplaint);
  AddOutputFlag(verb, flags->output, {OutputFormat::kTable, OutputFormat::kJson, OutputFormat::kYaml});
  verb->callback([&context, flags] { RunLogs(context, *flags); });
}

}  // namespace cohort::cli
