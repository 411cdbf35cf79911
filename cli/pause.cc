// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "absl/time/clock.h"
#include "cli/job_client.h"
#include "cli/job_output.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"

namespace cohort::cli {
namespace {

struct PauseFlags {
  std::string job;
  std::string etag;
  OutputFormat output = OutputFormat::kTable;
};

void RunPause(VerbContext& context, const PauseFlags& flags) {
  JobClient client = Connect(context);
  const auto job = client.Pause(JobName(context.namespace_id, flags.job), flags.etag);
  if (!job.ok()) return Fail(context, job.status());
  *context.console.out << FormatJob(*job, flags.output, absl::Now());
}

}  // namespace

void AddPause(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<PauseFlags>();
  CLI::App* verb =
      app.add_subcommand("pause", "Stops a job after the update in progress, with a checkpoint, until it is resumed");
  AddJobArgument(verb, flags->job);
  AddEtagFlag(verb, flags->etag);
  AddOutputFlag(verb, flags->output);
  verb->callback([&context, flags] { RunPause(context, *flags); });
}

}  // namespace cohort::cli
