// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "cli/job_client.h"
#include "cli/output_format.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"

namespace cohort::cli {
namespace {

struct UploadFlags {
  std::string file;
  OutputFormat output = OutputFormat::kName;
};

void RunUpload(VerbContext& context, const UploadFlags& flags) {
  JobClient client = Connect(context);
  const auto response = client.Upload(context.Parent(), flags.file);
  if (!response.ok()) return Fail(context, response.status());
  const auto document = AsDocument(*response, flags.output);
  *context.console.out << document.value_or(response->sha256() + "\n");
}

}  // namespace

void AddUpload(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<UploadFlags>();
  CLI::App* verb = app.add_subcommand(
      "upload", "Stores a JSONL file with the coordinator and prints its SHA-256, for `uploaded` of a job file");
  verb->add_option("file", flags->file, "JSONL file")->required();
  AddOutputFlag(verb, flags->output, {OutputFormat::kName, OutputFormat::kJson, OutputFormat::kYaml});
  verb->callback([&context, flags] { RunUpload(context, *flags); });
}

}  // namespace cohort::cli
