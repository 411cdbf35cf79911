// SPDX-License-Identifier: Apache-2.0
#include "common/version.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "cli/job_client.h"
#include "cli/output_format.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"
#include "cohort/v1/client_documents.pb.h"

namespace cohort::cli {
namespace {

// The version of this program is known at once; nobody waits long for the other one.
constexpr double kPatienceSeconds = 2;

struct VersionFlags {
  bool is_client_alone = false;
  OutputFormat output = OutputFormat::kTable;
};

// "cohortctl 0.1.0 (gcc 12.2.0, optimized)".
std::string VersionLine(const cohort::v1::ProgramVersion& program) {
  return OneLine(absl::StrCat(program.program(), " ", program.version(), " (", program.compiler(), ", ",
                              program.build_mode(), ")"));
}

void RunVersion(VerbContext& context, const VersionFlags& flags) {
  cohort::v1::VersionReport report;
  report.mutable_client()->set_program("cohortctl");
  report.mutable_client()->set_version(common::kVersion);
  report.mutable_client()->set_compiler(common::CompilerText());
  report.mutable_client()->set_build_mode(common::BuildModeText());
  if (!flags.is_client_alone) {
    context.WaitAtMost(kPatienceSeconds);
    auto server = Connect(context).GetVersion();
    if (server.ok()) {
      *report.mutable_server() = *std::move(server);
    } else {
      const std::string cause = absl::IsDeadlineExceeded(server.status())
                                    ? absl::StrCat("no answer within ", context.timeout_seconds, " s")
                                    : ErrorText(context, server.status());
      context.console.Messages() << "cohortctl: no version of a server: " << cause << std::endl;
    }
  }
  const auto document = AsDocument(report, flags.output);
  if (document.has_value()) {
    *context.console.out << *document;
    return;
  }
  *context.console.out << VersionLine(report.client()) << "\n";
  if (report.has_server()) *context.console.out << VersionLine(report.server()) << " at " << context.server << "\n";
}

}  // namespace

void AddVersion(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<VersionFlags>();
  CLI::App* verb = app.add_subcommand("version", "Prints the version of this program, and that of the coordinator");
  verb->add_flag("--client", flags->is_client_alone, "of this program alone: no server is called");
  AddOutputFlag(verb, flags->output, {OutputFormat::kTable, OutputFormat::kJson, OutputFormat::kYaml});
  verb->callback([&context, flags] { RunVersion(context, *flags); });
}

}  // namespace cohort::cli
