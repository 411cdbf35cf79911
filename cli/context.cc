// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "cli/context_file.h"
#include "cli/local_cluster.h"
#include "cli/output_format.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"
#include "common/clock.h"
#include "common/status_macros.h"

namespace cohort::cli {
namespace {

using cohort::v1::ClientContext;
using cohort::v1::ClientContexts;

// A flag of `context set`: one that is not given leaves the field, an empty one clears it.
struct FieldFlag {
  std::string value;
  const CLI::Option* option = nullptr;

  bool IsGiven() const { return option->count() > 0; }
};

struct ContextSetFlags {
  std::string name;
  FieldFlag server;
  FieldFlag namespace_id;
  FieldFlag tls_ca;
  FieldFlag tls_client_certificate;
  FieldFlag tls_client_key;
  FieldFlag token_file;
  bool becomes_current = false;
};

struct ContextFlags {
  std::string name;
  OutputFormat output = OutputFormat::kTable;
};

absl::Status NoSuchContext(const std::string& name) {
  return absl::NotFoundError(absl::StrCat("there is no context ", name, " in ", ContextFilePath(),
                                          "; cohortctl context list shows what there is"));
}

// The verb's folder may be another one when the file is used.
absl::Status TakePath(const FieldFlag& flag, std::string* target) {
  if (!flag.IsGiven()) return absl::OkStatus();
  if (flag.value.empty()) {
    target->clear();
    return absl::OkStatus();
  }
  COHORT_ASSIGN_OR_RETURN(*target, AbsolutePath(flag.option->get_name(), flag.value));
  return absl::OkStatus();
}

absl::Status SetFields(const ContextSetFlags& flags, ClientContext* chosen) {
  if (flags.server.IsGiven()) chosen->set_server(flags.server.value);
  if (flags.namespace_id.IsGiven()) chosen->set_namespace_(flags.namespace_id.value);
  COHORT_RETURN_IF_ERROR(TakePath(flags.tls_ca, chosen->mutable_tls_ca()));
  COHORT_RETURN_IF_ERROR(TakePath(flags.tls_client_certificate, chosen->mutable_tls_client_certificate()));
  COHORT_RETURN_IF_ERROR(TakePath(flags.tls_client_key, chosen->mutable_tls_client_key()));
  COHORT_RETURN_IF_ERROR(TakePath(flags.token_file, chosen->mutable_token_file()));
  if (chosen->server().empty()) return absl::InvalidArgumentError("--server: a new context needs one, host:port");
  // Files that are no good are said here and not at the first call.
  const security::ClientSecurityFiles files = {.authorities = chosen->tls_ca(),
                                               .certificate = chosen->tls_client_certificate(),
                                               .key = chosen->tls_client_key(),
                                               .token = chosen->token_file()};
  const absl::Status status = security::ClientSecurity::Create(files, common::SystemClock()).status();
  // An absent file is a bad flag.
  return absl::IsNotFound(status) ? absl::InvalidArgumentError(status.message()) : status;
}

absl::Status Set(VerbContext& context, const ContextSetFlags& flags) {
  COHORT_RETURN_IF_ERROR(CheckContextName(flags.name));
  const std::string path = ContextFilePath();
  COHORT_ASSIGN_OR_RETURN(ClientContexts contexts, LoadContexts(path));
  const bool is_new = !contexts.contexts().contains(flags.name);
  COHORT_RETURN_IF_ERROR(SetFields(flags, &(*contexts.mutable_contexts())[flags.name]));
  if (flags.becomes_current) contexts.set_current(flags.name);
  COHORT_RETURN_IF_ERROR(SaveContexts(path, contexts));
  *context.console.out << "context " << flags.name << (is_new ? " created" : " changed") << std::endl;
  if (contexts.current() != flags.name) {
    context.console.Messages() << "cohortctl context use " << flags.name << " makes it the current one" << std::endl;
  }
  return absl::OkStatus();
}

absl::Status Use(VerbContext& context, const std::string& name) {
  const std::string path = ContextFilePath();
  COHORT_ASSIGN_OR_RETURN(ClientContexts contexts, LoadContexts(path));
  const auto found = contexts.contexts().find(name);
  if (found == contexts.contexts().end()) return NoSuchContext(name);
  const std::string server = found->second.server();
  contexts.set_current(name);
  COHORT_RETURN_IF_ERROR(SaveContexts(path, contexts));
  *context.console.out << "context " << name << " is the current one (" << server << ")" << std::endl;
  return absl::OkStatus();
}

absl::Status Delete(VerbContext& context, const std::string& name) {
  const std::string path = ContextFilePath();
  COHORT_ASSIGN_OR_RETURN(ClientContexts contexts, LoadContexts(path));
  if (contexts.mutable_contexts()->erase(name) == 0) return NoSuchContext(name);
  const bool was_current = contexts.current() == name;
  if (was_current) contexts.clear_current();
  COHORT_RETURN_IF_ERROR(SaveContexts(path, contexts));
  *context.console.out << "context " << name << " deleted" << std::endl;
  if (was_current) context.console.Messages() << "no context is the current one now" << std::endl;
  return absl::OkStatus();
}

absl::Status List(VerbContext& context, OutputFormat output) {
  COHORT_ASSIGN_OR_RETURN(const ClientContexts contexts, LoadContexts(ContextFilePath()));
  if (const auto document = AsDocument(contexts, output)) {
    *context.console.out << *document;
    return absl::OkStatus();
  }
  std::string names;
  std::vector<std::vector<std::string>> rows = {{"CURRENT", "NAME", "SERVER", "NAMESPACE", "TLS", "TOKEN"}};
  const std::map<std::string, ClientContext> by_name(contexts.contexts().begin(), contexts.contexts().end());
  for (const auto& [name, one] : by_name) {
    absl::StrAppend(&names, name, "\n");
    const char* const tls = one.tls_ca().empty() ? "no" : one.tls_client_certificate().empty() ? "yes" : "mutual";
    rows.push_back({name == contexts.current() ? "*" : "", name, one.server(),
                    one.namespace_().empty() ? "default" : one.namespace_(), tls,
                    one.token_file().empty() ? "no" : "yes"});
  }
  *context.console.out << (output == OutputFormat::kName ? names : FormatTable(rows));
  return absl::OkStatus();
}

absl::Status Show(VerbContext& context, const ContextFlags& flags) {
  COHORT_ASSIGN_OR_RETURN(const ClientContexts contexts, LoadContexts(ContextFilePath()));
  const std::string name = flags.name.empty() ? contexts.current() : flags.name;
  if (name.empty()) return absl::NotFoundError("no context is the current one; cohortctl context use NAME chooses one");
  const auto found = contexts.contexts().find(name);
  if (found == contexts.contexts().end()) return NoSuchContext(name);
  const auto document = AsDocument(found->second, flags.output);
  *context.console.out << document.value_or(name + "\n");
  return absl::OkStatus();
}

void AddContextSet(CLI::App* verb, VerbContext& context) {
  auto flags = std::make_shared<ContextSetFlags>();
  CLI::App* set = verb->add_subcommand(
      "set", "Adds a context, or changes what is given of one; an empty value clears a field, paths become absolute");
  set->add_option("context", flags->name, "its name")->required();
  const auto add = [set](const char* flag, FieldFlag& target, const char* what) {
    CLI::Option* option = set->add_option(flag, target.value, what);
    target.option = option;
    return option;
  };
  add("--server", flags->server, "host:port of the coordinator")->check(ServerComplaint);
  add("-n,--namespace", flags->namespace_id, "namespace of the jobs");
  add("--tls_ca", flags->tls_ca, "PEM file of authorities: call over TLS");
  add("--tls_client_certificate", flags->tls_client_certificate, "PEM file of the chain to show");
  add("--tls_client_key", flags->tls_client_key, "PEM file of its private key");
  add("--token_file", flags->token_file, "file with the token; its path is kept, never the token");
  set->add_flag("--use", flags->becomes_current, "make it the current one");
  set->callback([&context, flags] {
    const absl::Status status = Set(context, *flags);
    if (!status.ok()) Fail(context, status);
  });
}

// A verb below `context` that changes the one of a name.
void AddChange(CLI::App* verb, VerbContext& context, const char* name, const char* what,
               absl::Status (*run)(VerbContext&, const std::string&)) {
  auto chosen = std::make_shared<std::string>();
  CLI::App* below = verb->add_subcommand(name, what);
  below->add_option("context", *chosen, "its name")->required();
  below->callback([&context, chosen, run] {
    const absl::Status status = run(context, *chosen);
    if (!status.ok()) Fail(context, status);
  });
}

}  // namespace

void AddContext(CLI::App& app, VerbContext& context) {
  CLI::App* verb = app.add_subcommand(
      "context", "Names servers, with their TLS files, token file and namespace, and chooses the one that is called");
  verb->require_subcommand(1);
  auto list_flags = std::make_shared<ContextFlags>();
  CLI::App* list = verb->add_subcommand("list", "Lists the contexts, by name");
  AddOutputFlag(list, list_flags->output,
                {OutputFormat::kTable, OutputFormat::kJson, OutputFormat::kYaml, OutputFormat::kName});
  list->callback([&context, list_flags] {
    const absl::Status status = List(context, list_flags->output);
    if (!status.ok()) Fail(context, status);
  });
  AddChange(verb, context, "use", "Makes a context the current one", Use);
  AddContextSet(verb, context);
  AddChange(verb, context, "delete", "Forgets a context; its files stay", Delete);
  auto show_flags = std::make_shared<ContextFlags>();
  show_flags->output = OutputFormat::kYaml;
  CLI::App* show = verb->add_subcommand("show", "Shows a context, the current one if none is named");
  show->add_option("context", show_flags->name, "its name");
  AddOutputFlag(show, show_flags->output, {OutputFormat::kYaml, OutputFormat::kJson, OutputFormat::kName});
  show->callback([&context, show_flags] {
    const absl::Status status = Show(context, *show_flags);
    if (!status.ok()) Fail(context, status);
  });
}

}  // namespace cohort::cli
