// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/data_upload.h"
#include "cli/job_client.h"
#include "cli/job_file.h"
#include "cli/job_output.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"
#include "cli/watch.h"

namespace cohort::cli {
namespace {

struct SubmitFlags {
  std::string file;
  std::string id;
  std::string request_id;
  std::string dry_run;  // of --dry-run: "", "true" (no value), "server", "none"
  bool watches = false;
  bool uploads_data = false;
  OutputFormat output = OutputFormat::kTable;
};

// What kubectl knows besides needs no server: cohortctl validate without one.
std::string DryRunComplaint(const std::string& value) {
  if (value == "true" || value == "server" || value == "none") return "";
  return "server or none; cohortctl validate checks without a server (" + value + ")";
}

void RunSubmit(VerbContext& context, const SubmitFlags& flags) {
  const bool is_dry_run = !flags.dry_run.empty() && flags.dry_run != "none";
  auto file = LoadJobFile(flags.file);
  if (!file.ok()) return Fail(context, file.status());
  JobClient client = Connect(context);
  if (flags.uploads_data) {
    const absl::Status uploaded =
        UploadData([&](const std::string& path) { return client.Upload(context.Parent(), path); }, &*file);
    if (!uploaded.ok()) return Fail(context, ForFile(uploaded, flags.file));
  }
  cohort::v1::CreateJobRequest request;
  request.set_parent(context.Parent());
  request.set_job_id(flags.id.empty() ? file->job_id : flags.id);
  request.set_request_id(flags.request_id.empty() ? RandomRequestId() : flags.request_id);
  request.set_validate_only(is_dry_run);
  *request.mutable_job()->mutable_spec() = file->spec;
  const auto job = client.Create(request);
  if (absl::IsAlreadyExists(job.status())) {
    return Fail(context, absl::AlreadyExistsError(absl::StrCat(flags.file, ": ", job.status().message(),
                                                               "; --id gives the new one another name")));
  }
  if (!job.ok()) return Fail(context, ForFile(job.status(), flags.file));
  if (flags.output == OutputFormat::kTable) {
    *context.console.out << "job " << request.job_id() << (is_dry_run ? " is valid (dry run)" : " created")
                         << std::endl;
  } else {
    *context.console.out << FormatJob(*job, flags.output, absl::Now()) << std::flush;
  }
  if (flags.watches && !is_dry_run) WatchToEnd(context, client, job->name(), 0, flags.output);
}

}  // namespace

void AddSubmit(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<SubmitFlags>();
  CLI::App* verb = app.add_subcommand("submit", "Submits a job file");
  verb->add_option("-f,--file", flags->file, "job file (YAML)")->required();
  verb->add_option("--id", flags->id, "id of the job; default: the file's name without its ending");
  verb->add_option("--request_id", flags->request_id,
                   "a name of this submit: the same one again is given the job that the first one made");
  verb->add_flag("--dry-run,--dry_run", flags->dry_run,
                 "run every check on the server and change nothing; =server says the same, =none the contrary")
      ->check(DryRunComplaint);
  verb->add_flag("--watch", flags->watches,
                 "print events until the job ends, a pause included; exit 5 unless it succeeded");
  verb->add_flag("--upload_data", flags->uploads_data,
                 "send the files that datasets read (jsonl.path, from the job file's folder) to the coordinator and "
                 "submit a job that reads the uploaded ones; with --dry-run, too");
  AddOutputFlag(verb, flags->output);
  verb->callback([&context, flags] { RunSubmit(context, *flags); });
}

}  // namespace cohort::cli
