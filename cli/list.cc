// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "cli/job_client.h"
#include "cli/job_output.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"

namespace cohort::cli {
namespace {

struct ListFlags {
  cohort::v1::JobState state = cohort::v1::JOB_STATE_UNSPECIFIED;
  // "key=value", or "key" for any value.
  std::vector<std::string> labels;
  bool is_of_all_namespaces = false;
  OutputFormat output = OutputFormat::kTable;
  int page_size = 200;
  std::string order_by;
};

void RunList(VerbContext& context, const ListFlags& flags) {
  JobClient client = Connect(context);
  cohort::v1::ListJobsRequest request;
  request.set_parent(flags.is_of_all_namespaces ? "namespaces/-" : context.Parent());
  request.set_page_size(flags.page_size);
  request.set_state(flags.state);
  request.set_order_by(flags.order_by);
  for (const std::string& label : flags.labels) {
    const size_t sign = label.find('=');
    (*request.mutable_labels())[label.substr(0, sign)] = sign == std::string::npos ? "" : label.substr(sign + 1);
  }
  cohort::v1::ListJobsResponse all;
  do {
    const auto page = client.List(request);
    if (!page.ok()) return Fail(context, page.status());
    all.mutable_jobs()->MergeFrom(page->jobs());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  *context.console.out << FormatJobs(all, flags.output, absl::Now(), flags.is_of_all_namespaces);
}

// What CLI11 prints behind --label.
std::string LabelComplaint(const std::string& label) {
  return label.empty() || label[0] == '=' ? "a label is key=value, or key for any value (" + label + ")" : "";
}

}  // namespace

void AddList(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<ListFlags>();
  CLI::App* verb = app.add_subcommand("list", "Lists the jobs of a namespace, newest first unless asked otherwise");
  verb->add_option("--state", flags->state, "only jobs in this state")
      ->transform(CLI::CheckedTransformer(StateNames(), CLI::ignore_case).description(ChoicesText(StateNames())));
  verb->add_option("-l,--label", flags->labels, "only jobs with this label: key=value, or key; may be repeated")
      ->check(LabelComplaint)
      ->allow_extra_args(false);
  verb->add_flag("-A,--all_namespaces", flags->is_of_all_namespaces, "jobs of every namespace that the caller may see");
  verb->add_option("--order_by", flags->order_by,
                   "create_time: oldest first; create_time desc, the default: newest first");
  verb->add_option("--page_size", flags->page_size, "jobs fetched per call")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  AddOutputFlag(verb, flags->output);
  verb->callback([&context, flags] { RunList(context, *flags); });
}

}  // namespace cohort::cli
