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

struct GetFlags {
  std::string job;
  OutputFormat output = OutputFormat::kTable;
};

void RunGet(VerbContext& context, const GetFlags& flags) {
  JobClient client = Connect(context);
  const auto job = client.Get(JobName(context.namespace_id, flags.job));
  if (!job.ok()) return Fail(context, job.status());
  *context.console.out << FormatJob(*job, flags.output, absl::Now());
}

}  // namespace

void AddGet(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<GetFlags>();
  CLI::App* verb = app.add_subcommand("get", "Shows one job");
  AddJobArgument(verb, flags->job);
  AddOutputFlag(verb, flags->output);
  verb->callback([&context, flags] { RunGet(context, *flags); });
}

}  // namespace cohort::cli
