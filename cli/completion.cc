// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <ostream>

#include "absl/time/clock.h"
#include "cli/completion_script.h"
#include "cli/completion_words.h"
#include "cli/context_file.h"
#include "cli/global_flags.h"
#include "cli/job_client.h"
#include "cli/job_output.h"
#include "cli/output_format.h"
#include "cli/verbs.h"

namespace cohort::cli {
namespace {

// Somebody has pressed a key.
constexpr double kPatienceSeconds = 1;
constexpr int kMaxJobs = 200;

// The server and its files as the words before the cursor say, whatever else they are.
VerbContext ContextOf(const std::vector<std::string>& words, const Console& console) {
  VerbContext context{.console = console};
  CLI::App app;
  app.allow_extras();
  app.set_help_flag();
  AddGlobalFlags(app, context);
  // CLI11 takes them from the end.
  std::vector<std::string> reversed(words.rbegin() + 1, words.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError&) {
    // Half a command line: what was understood of it serves.
  }
  context.WaitAtMost(kPatienceSeconds);
  return context;
}

std::vector<CandidateWord> Jobs(const VerbContext& context) {
  JobClient client = Connect(context);
  cohort::v1::ListJobsRequest request;
  request.set_parent(context.Parent());
  request.set_page_size(kMaxJobs);
  std::vector<CandidateWord> words;
  const absl::Time end = absl::Now() + context.Timeout();
  do {
    const auto page = client.List(request);
    if (!page.ok()) return words;
    for (const cohort::v1::Job& job : page->jobs()) {
      words.push_back({.word = JobId(job.name()), .description = StateText(job.state())});
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty() && words.size() < kMaxJobs && absl::Now() < end);
  return words;
}

std::vector<CandidateWord> Contexts() {
  const auto contexts = LoadContexts(ContextFilePath());
  if (!contexts.ok()) return {};
  std::map<std::string, std::string> servers;
  for (const auto& [name, one] : contexts->contexts()) servers[name] = one.server();
  std::vector<CandidateWord> words;
  for (const auto& [name, server] : servers) words.push_back({.word = name, .description = server});
  return words;
}

}  // namespace

void AnswerShell(const std::vector<std::string>& words, const Console& console) {
  if (words.empty()) return;
  VerbContext of_app{.console = console};
  CLI::App app("", "cohortctl");
  AddVerbs(app, of_app);
  const ValueSources sources = {.jobs = [&] { return Jobs(ContextOf(words, console)); }, .contexts = Contexts};
  const Completion completion = CompleteWords(app, words, sources);
  if (completion.is_path) *console.out << kFilesAnswer << "\n";
  for (const CandidateWord& one : completion.words) {
    *console.out << OneLine(one.word) << "\t" << OneLine(one.description) << "\n";
  }
}

void AddCompletion(CLI::App& app, VerbContext& context) {
  auto shell = std::make_shared<std::string>();
  CLI::App* verb =
      app.add_subcommand("completion", "Prints what a shell reads to complete command lines, names of jobs included");
  verb->add_option("shell", *shell, "the shell")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb->callback([&context, shell] { *context.console.out << CompletionScript(*shell); });
}

}  // namespace cohort::cli
