// SPDX-License-Identifier: Apache-2.0
#include "cli/global_flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/context_file.h"
#include "common/field_error.h"
#include "common/security/security_flags.h"

namespace cohort::cli {
namespace {

bool IsGiven(const CLI::App& app, const char* flag) { return app.get_option(flag)->count() > 0; }

// Whether it stood on the command line, rather than in the environment.
bool IsOnCommandLine(const CLI::App& app, const char* flag) {
  const std::vector<CLI::Option*>& parsed = app.parse_order();
  return std::find(parsed.begin(), parsed.end(), app.get_option(flag)) != parsed.end();
}

// Flag or variable, of one that was given.
std::string OriginOf(const CLI::App& app, const char* flag, const char* variable) {
  return IsOnCommandLine(app, flag) ? flag : variable;
}

void TakeFromContext(const CLI::App& app, const cohort::v1::ClientContext& chosen, VerbContext& context) {
  const auto take = [&](const char* flag, const std::string& value, std::string& target) {
    if (!IsGiven(app, flag) && !value.empty()) target = value;
  };
  take("--namespace", chosen.namespace_(), context.namespace_id);
  take("--tls_ca", chosen.tls_ca(), context.security.authorities);
  take("--tls_client_certificate", chosen.tls_client_certificate(), context.security.certificate);
  take("--tls_client_key", chosen.tls_client_key(), context.security.key);
  take("--token_file", chosen.token_file(), context.security.token);
  if (IsGiven(app, "--server")) return;
  context.server = chosen.server();
  context.server_origin = absl::StrCat("context ", context.context_name);
}

// A context is for its server: whoever names another one, and no context, does not want to send it this one's token. A
// server on the command line wins over a context that the environment chooses, too.
absl::Status ApplyContext(const CLI::App& app, VerbContext& context) {
  if (IsGiven(app, "--server")) {
    context.is_server_given = true;
    context.server_origin = OriginOf(app, "--server", "COHORT_SERVER");
    const bool is_flag = IsOnCommandLine(app, "--server");
    if (is_flag ? !IsOnCommandLine(app, "--context") : !IsGiven(app, "--context")) return absl::OkStatus();
  }
  if (IsGiven(app, "--context") && context.context_name.empty()) return absl::OkStatus();
  const std::string path = ContextFilePath();
  const auto contexts = LoadContexts(path);
  if (!contexts.ok()) {
    context.is_server_given = true;
    return contexts.status();
  }
  const bool is_asked_for = IsGiven(app, "--context");
  if (!is_asked_for) context.context_name = contexts->current();
  if (context.context_name.empty()) return absl::OkStatus();
  context.is_server_given = true;
  const auto chosen = contexts->contexts().find(context.context_name);
  if (chosen == contexts->contexts().end()) {
    const std::string origin = is_asked_for ? OriginOf(app, "--context", "COHORT_CONTEXT") : path + ": current";
    return common::InvalidField(origin, context.context_name,
                                "there is no such context; cohortctl context list shows what there is");
  }
  TakeFromContext(app, chosen->second, context);
  return absl::OkStatus();
}

}  // namespace

void AddGlobalFlags(CLI::App& app, VerbContext& context) {
  app.add_option("--context", context.context_name,
                 "server to call, of those that cohortctl context names; \"\": none; default: the current one")
      ->envname("COHORT_CONTEXT");
  app.add_option("--server", context.server,
                 "host:port of the coordinator; leaves the context out, unless --context is given, too")
      ->check(ServerComplaint)
      ->envname("COHORT_SERVER")
      ->capture_default_str();
  app.add_option("-n,--namespace", context.namespace_id, "namespace of the jobs")
      ->envname("COHORT_NAMESPACE")
      ->capture_default_str();
  app.add_option("--timeout", context.timeout_seconds,
                 "seconds that one call may take; submit, validate and upload: ten times")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("-q,--quiet", context.console.is_quiet, "say nothing on standard error but errors; show no progress");
  security::AddClientSecurityFlags(&app, &context.security, /*reads_environment=*/true);
  app.parse_complete_callback([&app, &context] { context.setup = ApplyContext(app, context); });
}

}  // namespace cohort::cli
