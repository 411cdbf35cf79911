// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "cli/job_client.h"
#include "cli/job_output.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"

namespace cohort::cli {
namespace {

struct DeleteFlags {
  std::string job;
  std::string etag;
  bool deletes_run_folder = false;
  bool is_confirmed = false;
  OutputFormat output = OutputFormat::kTable;
};

void RunDelete(VerbContext& context, const DeleteFlags& flags) {
  JobClient client = Connect(context);
  cohort::v1::DeleteJobRequest request;
  request.set_name(JobName(context.namespace_id, flags.job));
  request.set_etag(flags.etag);
  request.set_delete_run_folder(flags.deletes_run_folder);
  const auto job = client.Get(request.name());
  if (!job.ok()) return Fail(context, job.status());
  const std::string question =
      absl::StrCat("delete ", job->name(), " (", StateText(job->state()), "), its events and its rollouts",
                   flags.deletes_run_folder ? ", and its run folder with every checkpoint?" : "?");
  if (!flags.is_confirmed && !Confirm(context.console, question)) {
    return Fail(context, absl::CancelledError("nothing was deleted"));
  }
  const absl::Status status = client.Delete(request);
  // It was there: a try whose answer got lost has deleted it.
  if (!status.ok() && !absl::IsNotFound(status)) return Fail(context, status);
  if (flags.output == OutputFormat::kName) {
    *context.console.out << job->name() << std::endl;
  } else {
    *context.console.out << "job " << JobId(job->name()) << " deleted" << std::endl;
  }
}

}  // namespace

void AddDelete(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<DeleteFlags>();
  CLI::App* verb = app.add_subcommand(
      "delete", "Forgets a job that has ended: its record, events and rollouts; its run folder stays unless asked for");
  AddJobArgument(verb, flags->job);
  AddEtagFlag(verb, flags->etag);
  verb->add_flag("--delete_run_folder", flags->deletes_run_folder, "remove the run folder, with the checkpoints, too");
  verb->add_flag("-y,--yes", flags->is_confirmed, "do not ask, which is done only on a terminal");
  AddOutputFlag(verb, flags->output, {OutputFormat::kTable, OutputFormat::kName});
  verb->callback([&context, flags] { RunDelete(context, *flags); });
}

}  // namespace cohort::cli
