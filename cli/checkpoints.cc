// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "cli/job_client.h"
#include "cli/record_output.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"

namespace cohort::cli {
namespace {

struct CheckpointsFlags {
  std::string job;
  bool is_latest_alone = false;
  OutputFormat output = OutputFormat::kTable;
};

void PrintLatest(VerbContext& context, JobClient& client, const CheckpointsFlags& flags) {
  const std::string name = JobName(context.namespace_id, flags.job);
  const auto checkpoint = client.GetCheckpoint(name + "/checkpoints/latest");
  if (!checkpoint.ok()) return Fail(context, checkpoint.status());
  if (!checkpoint->exists()) {
    return Fail(context,
                absl::NotFoundError(absl::StrCat(
                    "the newest checkpoint's folder is gone, or is not on this machine; cohortctl checkpoints ",
                    JobId(flags.job), " lists the others (", checkpoint->path(), ")")));
  }
  const auto document = AsDocument(*checkpoint, flags.output);
  *context.console.out << document.value_or(
      (flags.output == OutputFormat::kName ? checkpoint->name() : checkpoint->path()) + "\n");
}

void RunCheckpoints(VerbContext& context, const CheckpointsFlags& flags) {
  JobClient client = Connect(context);
  if (flags.is_latest_alone) return PrintLatest(context, client, flags);
  cohort::v1::ListCheckpointsRequest request;
  request.set_parent(JobName(context.namespace_id, flags.job));
  cohort::v1::ListCheckpointsResponse all;
  do {
    const auto page = client.ListCheckpoints(request);
    if (!page.ok()) return Fail(context, page.status());
    all.mutable_checkpoints()->MergeFrom(page->checkpoints());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  *context.console.out << FormatCheckpoints(all, flags.output);
}

}  // namespace

void AddCheckpoints(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<CheckpointsFlags>();
  CLI::App* verb = app.add_subcommand("checkpoints", "Lists the sealed checkpoints of a job, newest first");
  AddJobArgument(verb, flags->job);
  verb->add_flag("--latest", flags->is_latest_alone, "only the folder of the newest one");
  AddOutputFlag(verb, flags->output);
  verb->callback([&context, flags] { RunCheckpoints(context, *flags); });
}

}  // namespace cohort::cli
