// SPDX-License-Identifier: Apache-2.0
#include "cli/verbs.h"

#include <CLI/CLI.hpp>
#include <ostream>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/completion.h"
#include "cli/completion_script.h"
#include "cli/global_flags.h"
#include "cli/job_client.h"
#include "common/clock.h"
#include "common/security/refusing_channel.h"

namespace cohort::cli {
namespace {

// A call that ended so did not get an answer; other messages are of our own making.
constexpr char kGrpcTimeout[] = "Deadline Exceeded";

std::string ServerText(const VerbContext& context) {
  return absl::StrCat(context.server, " (", context.server_origin, ")");
}

// What may mend it, behind the cause.
std::string NextStep(const VerbContext& context, const absl::Status& status) {
  const std::string message(status.message());
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      if (context.server_origin == VerbContext::kStartedHere || absl::StartsWith(message, "cannot connect: "))
        return "";
      return "; is one running there? --server, COHORT_SERVER or a context names another";
    case absl::StatusCode::kUnauthenticated:
      if (context.security.token.empty()) return "; --token_file, COHORT_TOKEN_FILE or a context names one";
      return absl::StrCat("; it was that of ", context.security.token, ", sent to ", ServerText(context));
    case absl::StatusCode::kNotFound:
      if (!absl::StartsWith(message, "job not found")) return "";
      return absl::StrCat("; cohortctl list shows the jobs of namespace ", context.namespace_id, " at ",
                          ServerText(context));
    case absl::StatusCode::kAborted:
      if (!absl::StartsWith(message, "etag: ")) return "";
      return "; read the job again (cohortctl get) and repeat what is still wanted";
    default:
      return "";
  }
}

// The cause, as a sentence of ours where gRPC has none.
std::string Cause(const VerbContext& context, const absl::Status& status) {
  const std::string message(status.message());
  if (absl::IsUnavailable(status)) {
    return absl::StrCat("the coordinator cannot be reached at ", ServerText(context), ": ", message);
  }
  if (absl::IsDeadlineExceeded(status) && message == kGrpcTimeout) {
    return absl::StrCat("no answer from ", ServerText(context), " in time; --timeout gives a call more than ",
                        context.timeout_seconds, " s");
  }
  if (absl::IsUnimplemented(status) && message.empty()) {
    return absl::StrCat("the coordinator at ", ServerText(context),
                        " does not know this call: it is of an older version");
  }
  return message;
}

}  // namespace

void AddVerbs(CLI::App& app, VerbContext& context) {
  AddGlobalFlags(app, context);
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
  AddDownload(app, context);
  AddLogs(app, context);
  AddSteps(app, context);
  AddMetrics(app, context);
  AddRollouts(app, context);
  AddTrace(app, context);
  AddPs(app, context);
  AddScore(app, context);
  AddModel(app, context);
  AddContext(app, context);
  AddCompletion(app, context);
  AddSchema(app, context);
  AddVersion(app, context);
}

JobClient Connect(const VerbContext& context) {
  if (!context.setup.ok()) {
    return JobClient(security::RefusingChannel(context.setup), context.Timeout());
  }
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

std::string ErrorText(const VerbContext& context, const absl::Status& status) {
  return absl::StrCat(Cause(context, status), NextStep(context, status));
}

void Fail(VerbContext& context, const absl::Status& status) {
  *context.console.err << "cohortctl: " << ErrorText(context, status) << std::endl;
  context.exit_code = ExitCodeOf(status);
}

int RunCommandLine(int argc, const char* const* argv, const Console& console) {
  if (argc > 1 && std::string_view(argv[1]) == kCompleteWord) {
    AnswerShell(std::vector<std::string>(argv + 2, argv + argc), console);
    return common::kExitOk;
  }
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
