// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/job_client.h"
#include "cli/job_output.h"
#include "cli/verbs.h"

namespace cohort::cli {
namespace {

struct ListFlags {
  cohort::v1::JobState state = cohort::v1::JOB_STATE_UNSPECIFIED;
  OutputFormat output = OutputFormat::kTable;
  int page_size = 200;
};

// "running" -> JOB_STATE_RUNNING.
std::map<std::string, cohort::v1::JobState> StateNames() {
  std::map<std::string, cohort::v1::JobState> names;
  for (int i = cohort::v1::JobState_MIN + 1; i <= cohort::v1::JobState_MAX; ++i) {
    const auto state = static_cast<cohort::v1::JobState>(i);
    if (cohort::v1::JobState_IsValid(i)) names[StateText(state)] = state;
  }
  return names;
}

void RunList(VerbContext& context, const ListFlags& flags) {
  JobClient client(context.server, context.Timeout());
  cohort::v1::ListJobsRequest request;
  request.set_parent(absl::StrCat("namespaces/", context.namespace_id));
  request.set_page_size(flags.page_size);
  request.set_state(flags.state);
  cohort::v1::ListJobsResponse all;
  do {
    const auto page = client.List(request);
    if (!page.ok()) return Fail(context, page.status());
    all.mutable_jobs()->MergeFrom(page->jobs());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  *context.console.out << FormatJobs(all, flags.output, absl::Now());
}

}  // namespace

void AddList(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<ListFlags>();
  CLI::App* verb = app.add_subcommand("list", "Lists the jobs of a namespace, newest first");
  verb->add_option("--state", flags->state, "only jobs in this state: queued, running, succeeded, ...")
      ->transform(CLI::CheckedTransformer(StateNames()).description(""));
  verb->add_option("--page_size", flags->page_size, "jobs fetched per call")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  verb->add_option("-o,--output", flags->output, "table, json, yaml or name")
      ->transform(CLI::CheckedTransformer(OutputFormats()).description(""));
  verb->callback([&context, flags] { RunList(context, *flags); });
}

}  // namespace cohort::cli
