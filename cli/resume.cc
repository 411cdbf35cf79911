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

struct ResumeFlags {
  std::string job;
  std::string etag;
  OutputFormat output = OutputFormat::kTable;
};

void RunResume(VerbContext& context, const ResumeFlags& flags) {
  JobClient client = Connect(context);
  const auto job = client.Resume(JobName(context.namespace_id, flags.job), flags.etag);
  if (!job.ok()) return Fail(context, job.status());
  *context.console.out << FormatJob(*job, flags.output, absl::Now());
}

}  // namespace

void AddResume(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<ResumeFlags>();
  CLI::App* verb = app.add_subcommand("resume", "Queues a paused job again; a spent budget counts anew");
  AddJobArgument(verb, flags->job);
  AddEtagFlag(verb, flags->etag);
  AddOutputFlag(verb, flags->output);
  verb->callback([&context, flags] { RunResume(context, *flags); });
}

}  // namespace cohort::cli
