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
    cohort::v1::ListProcessesRequest request;
    cohort::v1::ListProcessesResponse all;
    do {
      const auto page = client.ListProcesses(request);
      if (!page.ok()) return Fail(context, page.status());
      all.mutable_processes()->MergeFrom(page->processes());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    *context.console.out << FormatProcesses(all, *output, absl::Now());
  });
}

}  // namespace cohort::cli
