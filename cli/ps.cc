// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "absl/time/clock.h"
#include "cli/job_client.h"
#include "cli/record_output.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"

namespace cohort::cli {

void AddPs(CLI::App& app, VerbContext& context) {
  auto output = std::make_shared<OutputFormat>(OutputFormat::kTable);
  CLI::App* verb = app.add_subcommand("ps", "Lists the rollout workers and learner ranks that were heard of lately");
  AddOutputFlag(verb, *output);
  verb->callback([&context, output] {
    JobClient client = Connect(context);
    const auto page = client.ListProcesses();
    if (!page.ok()) return Fail(context, page.status());
    *context.console.out << FormatProcesses(*page, *output, absl::Now());
  });
}

}  // namespace cohort::cli
