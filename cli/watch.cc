// SPDX-License-Identifier: Apache-2.0
#include "cli/watch.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "cli/verb_flags.h"
#include "cli/verbs.h"

namespace cohort::cli {
namespace {

struct WatchFlags {
  std::string job;
  int64_t resume_token = 0;
  OutputFormat output = OutputFormat::kTable;
};

// Nothing but a person moves a paused job: the watch goes on, and says what it waits for. An event of the past says
// only that the job was paused once.
void SayIfPaused(const VerbContext& context, JobClient& client, const std::string& name) {
  const auto job = client.Get(name);
  if (!job.ok() || job->state() != cohort::v1::JOB_STATE_PAUSED) return;
  context.console.Messages() << "cohortctl: " << JobId(name) << " is paused"
                             << (job->state_reason().empty() ? "" : ": ") << OneLine(job->state_reason())
                             << "; it goes on after cohortctl resume " << JobId(name) << std::endl;
}

}  // namespace

void WatchToEnd(VerbContext& context, JobClient& client, const std::string& name, int64_t resume_token,
                OutputFormat output) {
  // Patience is for a coordinator that goes away later: one that was never there is said at once.
  const auto known = client.Get(name);
  if (!known.ok()) return Fail(context, known.status());
  const absl::Status status = client.Watch(name, resume_token, kPatience, [&](const cohort::v1::JobEvent& event) {
    *context.console.out << FormatEvent(event, output) << std::flush;
    if (event.state_changed().state() == cohort::v1::JOB_STATE_PAUSED) SayIfPaused(context, client, name);
    return true;
  });
  if (!status.ok()) return Fail(context, status);
  const auto job = client.Get(name);
  if (!job.ok()) return Fail(context, job.status());
  if (job->state() != cohort::v1::JOB_STATE_SUCCEEDED) FailWithJob(context, *job);
}

void FailWithJob(VerbContext& context, const cohort::v1::Job& job) {
  *context.console.err << "cohortctl: " << JobId(job.name()) << " ended " << StateText(job.state())
                       << (job.state_reason().empty() ? "" : ": ") << OneLine(job.state_reason()) << std::endl;
  context.exit_code = common::kExitJobFailed;
}

void AddWatch(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<WatchFlags>();
  CLI::App* verb = app.add_subcommand(
      "watch", "Prints the events of a job until it ends, a pause included; exits 5 unless it succeeded");
  AddJobArgument(verb, flags->job);
  verb->add_option("--resume_token", flags->resume_token, "only events after the one with this sequence number")
      ->check(CLI::NonNegativeNumber);
  AddOutputFlag(verb, flags->output);
  verb->callback([&context, flags] {
    JobClient client = Connect(context);
    WatchToEnd(context, client, JobName(context.namespace_id, flags->job), flags->resume_token, flags->output);
  });
}

}  // namespace cohort::cli
