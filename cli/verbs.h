// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_VERBS_H_
#define COHORT_CLI_VERBS_H_

#include <algorithm>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cli/console.h"
#include "common/exit_codes.h"
#include "common/security/client_security.h"

namespace CLI {
class App;
}

namespace cohort::cli {

class JobClient;

// What every verb shares: streams, the global flags, and the exit code that the verb leaves. Outlives the CLI::App that
// its verbs were added to. Not thread-safe.
struct VerbContext {
  // server_origin of a coordinator that the verb has started itself.
  static constexpr char kStartedHere[] = "started here";

  Console console;
  std::string server = "127.0.0.1:7070";
  // --server, COHORT_SERVER or a context names it.
  bool is_server_given = false;
  // Who names it, for messages: "--server", "COHORT_SERVER", "context prod".
  std::string server_origin = "the default";
  // The context in use; empty: none.
  std::string context_name;
  // Why no server can be called (a context that is not there): what every call ends with.
  absl::Status setup;
  // With which the server is called.
  security::ClientSecurityFiles security;
  std::string namespace_id = "default";
  double timeout_seconds = 30;
  int exit_code = common::kExitOk;

  absl::Duration Timeout() const { return absl::Seconds(timeout_seconds); }
  // No call lasts longer than `seconds`, whatever --timeout allows.
  void WaitAtMost(double seconds) { timeout_seconds = std::min(timeout_seconds, seconds); }
  // What lists and submits are asked for.
  std::string Parent() const { return "namespaces/" + namespace_id; }
};

// Adds the global flags and every verb.
void AddVerbs(CLI::App& app, VerbContext& context);

// One function per verb, each in the file of its name.
void AddCancel(CLI::App& app, VerbContext& context);
void AddCheckpoints(CLI::App& app, VerbContext& context);
void AddCompletion(CLI::App& app, VerbContext& context);
void AddContext(CLI::App& app, VerbContext& context);
void AddDelete(CLI::App& app, VerbContext& context);
void AddDescribe(CLI::App& app, VerbContext& context);
void AddDownload(CLI::App& app, VerbContext& context);
void AddGet(CLI::App& app, VerbContext& context);
void AddList(CLI::App& app, VerbContext& context);
void AddLocal(CLI::App& app, VerbContext& context);
void AddLogs(CLI::App& app, VerbContext& context);
void AddMetrics(CLI::App& app, VerbContext& context);
void AddModel(CLI::App& app, VerbContext& context);
void AddPause(CLI::App& app, VerbContext& context);
void AddPs(CLI::App& app, VerbContext& context);
void AddResume(CLI::App& app, VerbContext& context);
void AddRollouts(CLI::App& app, VerbContext& context);
void AddSchema(CLI::App& app, VerbContext& context);
void AddScore(CLI::App& app, VerbContext& context);
void AddSteps(CLI::App& app, VerbContext& context);
void AddSubmit(CLI::App& app, VerbContext& context);
void AddTrace(CLI::App& app, VerbContext& context);
void AddUpload(CLI::App& app, VerbContext& context);
void AddValidate(CLI::App& app, VerbContext& context);
void AddVersion(CLI::App& app, VerbContext& context);
void AddWait(CLI::App& app, VerbContext& context);
void AddWatch(CLI::App& app, VerbContext& context);

// A client of the coordinator that the global flags name; every verb that calls one gets it here. Its calls fail when
// the files of the flags are no good.
JobClient Connect(const VerbContext& context);

// What went wrong, in one line, and the next step where there is one.
std::string ErrorText(const VerbContext& context, const absl::Status& status);
// Says on `err` in one line what went wrong and, where there is one, the next step; leaves the exit code of the status.
void Fail(VerbContext& context, const absl::Status& status);
// The exit code that stands for a status: 2 bad input, 3 not found, 4 timeout, 1 otherwise.
int ExitCodeOf(const absl::Status& status);

// Parses and runs a command line; what main returns.
int RunCommandLine(int argc, const char* const* argv, const Console& console);

}  // namespace cohort::cli

#endif  // COHORT_CLI_VERBS_H_
