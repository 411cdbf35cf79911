// SPDX-License-Identifier: Apache-2.0
#include "cli/verbs.h"

#include <CLI/CLI.hpp>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "cli/job_client.h"
#include "common/clock.h"
#include "common/network_address.h"
#include "common/security/refusing_channel.h"
#include "common/security/security_flags.h"

namespace cohort::cli {
namespace {

// What CLI11 prints behind the flag; empty when a server can be there.
std::string ServerComplaint(const std::string& text) {
  const auto address = common::ParseAddress(text);
  if (!address.ok()) return std::string(address.status().message());
  return address->port == 0 ? absl::StrCat("no server listens at port 0 (", text, ")") : "";
}

}  // namespace

void AddVerbs(CLI::App& app, VerbContext& context) {
  CLI::Option* server = app.add_option("--server", context.server, "host:port of the coordinator")
                            ->check(ServerComplaint)
                            ->envname("COHORT_SERVER")
                            ->capture_default_str();
  app.add_option("-n,--namespace", context.namespace_id, "namespace of the jobs")->capture_default_str();
  app.add_option("--timeout", context.timeout_seconds,
                 "seconds that one call may take; submit, validate and upload: ten times")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  security::AddClientSecurityFlags(&app, &context.security, /*reads_environment=*/true);
  app.parse_complete_callback([&context, server] { context.is_server_given = server->count() > 0; });
  AddLocal(app, context);
  AddSubmit(app, context);
  AddValidate(app, context);
  AddUpload(app, context);
  AddGet(app, context);
  AddDescribe(app, context);
  AddList(app, context);
  AddWatch(app, context);
  AddWait(app, context);
  AddPause(app, context);
  AddResume(app, context);
  AddCancel(app, context);
  AddDelete(app, context);
  AddCheckpoints(app, context);
  AddSteps(app, context);
  AddRollouts(app, context);
  AddPs(app, context);
  AddModel(app, context);
  AddVersion(app, context);
}

JobClient Connect(const VerbContext& context) {
  const auto security = security::ClientSecurity::Create(context.security, common::SystemClock());
  return JobClient(
      security.ok() ? (*security)->OpenChannel(context.server) : security::RefusingChannel(security.status()),
      context.Timeout());
}

int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return common::kExitOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kOutOfRange:
      return common::kExitUsage;
    case absl::StatusCode::kNotFound:
      return common::kExitNotFound;
    case absl::StatusCode::kDeadlineExceeded:
      return common::kExitTimeout;
    default:
      return common::kExitFailure;
  }
}

void Fail(VerbContext& context, const absl::Status& status) {
  *context.console.err << "cohortctl: " << (absl::IsUnavailable(status) ? "the coordinator cannot be reached: " : "")
                       << std::string(status.message()) << std::endl;
  context.exit_code = ExitCodeOf(status);
}

int RunCommandLine(int argc, const char* const* argv, const Console& console) {
  VerbContext context{.console = console};
  CLI::App app("Cohort trains language models by reinforcement learning from verifiable rewards.", "cohortctl");
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(
      "Data goes to standard output, messages to standard error. Exit codes: 0 done, 1 failure, 2 bad usage or job "
      "file, 3 not found, 4 timeout, 5 a job ended without success, 6 a job was paused.");
  AddVerbs(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error, *console.out, *console.err) == 0 ? common::kExitOk : common::kExitUsage;
  }
  // What was asked for and is not there (a full disk) is a failure.
  if (!console.out->flush() && context.exit_code == common::kExitOk) {
    Fail(context, absl::InternalError("standard output cannot be written"));
  }
  return context.exit_code;
}

}  // namespace cohort::cli
