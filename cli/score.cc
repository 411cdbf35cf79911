// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <memory>
#include <ostream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "cli/completion_file.h"
#include "cli/job_file.h"
#include "cli/local_cluster.h"
#include "cli/scoring_output.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "reward/rubric.h"
#include "reward/sandbox/zygote.h"

namespace cohort::cli {
namespace {

struct ScoreFlags {
  std::string file;
  std::string completions;
  std::string completion_field = "completion";
  std::string part;
  std::string data_root = ".";
  int num_children = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 8u));
  OutputFormat output = OutputFormat::kTable;
};

// In the order of the lines, `num_threads` at a time.
absl::StatusOr<std::vector<ScoredLine>> JudgeAll(reward::Rubric& rubric, const std::vector<CompletionLine>& lines,
                                                 int num_threads) {
  std::vector<ScoredLine> scored(lines.size());
  std::atomic<size_t> next{0};
  absl::Mutex mutex;
  absl::Status error;
  const auto work = [&] {
    for (size_t i = next++; i < lines.size(); i = next++) {
      auto results = rubric.Judge(lines[i].problem, {lines[i].completion});
      if (!results.ok()) {
        absl::MutexLock lock(&mutex);
        error.Update(results.status());
        return;
      }
      scored[i] = {.line = lines[i].line, .result = std::move(results->front())};
    }
  };
  std::vector<std::thread> threads;
  for (int i = 1; i < num_threads; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  if (!error.ok()) return error;
  return scored;
}

absl::Status RunScore(VerbContext& context, const ScoreFlags& flags) {
  COHORT_ASSIGN_OR_RETURN(const std::string data_root, AbsolutePath("--data_root", flags.data_root));
  COHORT_ASSIGN_OR_RETURN(const ScoringRules rules, LoadScoringRules(flags.file, flags.part));
  COHORT_ASSIGN_OR_RETURN(const std::vector<CompletionLine> lines,
                          ReadCompletions(flags.completions, rules, flags.completion_field));
  // Before anything starts a thread.
  COHORT_ASSIGN_OR_RETURN(const std::unique_ptr<reward::Zygote> zygote, reward::Zygote::Start());
  const auto rubric = reward::Rubric::Create(rules.reward, data_root, zygote.get(), flags.num_children);
  if (!rubric.ok()) {
    return ForFile(rules.field.empty() ? rubric.status() : common::PrefixField(rubric.status(), rules.field),
                   flags.file);
  }
  COHORT_ASSIGN_OR_RETURN(const std::vector<ScoredLine> scored, JudgeAll(**rubric, lines, flags.num_children));
  *context.console.out << FormatScoring(scored, (*rubric)->MaxReward(), flags.output) << std::flush;
  const int64_t num_without = std::count_if(scored.begin(), scored.end(), [](const ScoredLine& line) {
    return line.result.outcome == cohort::v1::SCORE_OUTCOME_NO_VERDICT;
  });
  if (num_without == 0) return absl::OkStatus();
  return absl::UnknownError(absl::StrCat(num_without, " of ", scored.size(),
                                         " completions got no verdict; each one's reason stands with it"));
}

}  // namespace

void AddScore(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<ScoreFlags>();
  CLI::App* verb = app.add_subcommand(
      "score", "Judges a file of completions by a rubric on this machine; exits 1 when one got no verdict");
  verb->add_option("-f,--file", flags->file, "rubric (YAML with `verifiers` at the top) or job file")->required();
  verb->add_option("--completions", flags->completions, "JSONL file: rows of a dataset, each with a completion")
      ->required();
  verb->add_option("--completion_field", flags->completion_field, "field of a row that holds the completion")
      ->capture_default_str();
  verb->add_option("--reward", flags->part, "whose rubric of a job file; default: that of its kind")
      ->check(CLI::IsMember({"rlvr", "evaluation", "rescore"}));
  verb->add_option("--data_root", flags->data_root, "start of relative data paths, and where command verifiers run")
      ->capture_default_str();
  verb->add_option("--scoring_children", flags->num_children, "judgements that run at once")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  AddOutputFlag(verb, flags->output, {OutputFormat::kTable, OutputFormat::kJson});
  verb->callback([&context, flags] {
    const absl::Status status = RunScore(context, *flags);
    if (!status.ok()) Fail(context, status);
  });
}

}  // namespace cohort::cli
