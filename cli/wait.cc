// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <ostream>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/job_client.h"
#include "cli/job_output.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"
#include "cli/watch.h"

namespace cohort::cli {
namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(500);
constexpr char kStatePrefix[] = "state=";
constexpr char kStepPrefix[] = "step=";

struct WaitFlags {
  std::string job;
  std::string what = "state=SUCCEEDED";
  std::string patience = "inf";
  OutputFormat output = OutputFormat::kTable;
};

// What is waited for: a state, or a policy version.
struct Goal {
  cohort::v1::JobState state = cohort::v1::JOB_STATE_UNSPECIFIED;
  int64_t step = 0;  // 0: the state

  bool IsReached(const cohort::v1::Job& job) const {
    return step > 0 ? job.policy_version() >= step : job.state() == state;
  }
  std::string Text() const { return step > 0 ? absl::StrCat("at step ", step) : StateText(state); }
};

// Nothing when the text is neither "state=" and a state nor "step=" and a number above 0.
std::optional<Goal> GoalOf(const std::string& what) {
  const std::string text = absl::AsciiStrToLower(what);
  Goal goal;
  if (text.rfind(kStepPrefix, 0) == 0) {
    const bool is_number = absl::SimpleAtoi(text.substr(sizeof(kStepPrefix) - 1), &goal.step);
    return is_number && goal.step > 0 ? std::optional<Goal>(goal) : std::nullopt;
  }
  if (text.rfind(kStatePrefix, 0) != 0) return std::nullopt;
  const auto states = StateNames();
  const auto found = states.find(text.substr(sizeof(kStatePrefix) - 1));
  if (found == states.end()) return std::nullopt;
  goal.state = found->second;
  return goal;
}

std::string WaitChoices() {
  std::vector<std::string> words;
  for (const auto& [word, state] : StateNames()) words.push_back(kStatePrefix + word);
  words.push_back(absl::StrCat(kStepPrefix, "N"));
  return ChoicesText(words);
}

// "90", "90s", "10m", "inf".
bool ParsePatience(const std::string& text, absl::Duration* patience) {
  double seconds = 0;
  if (absl::SimpleAtod(text, &seconds)) {
    *patience = absl::Seconds(seconds);
    return *patience >= absl::ZeroDuration();
  }
  return absl::ParseDuration(text, patience) && *patience >= absl::ZeroDuration();
}

bool IsAway(const absl::Status& status) { return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status); }

// The job once the goal is reached or it has ended without. DEADLINE_EXCEEDED when neither happened in time.
absl::StatusOr<cohort::v1::Job> WaitForGoal(JobClient& client, const std::string& name, const Goal& goal,
                                            absl::Duration patience) {
  const absl::Time start = absl::Now();
  absl::Time last_reachable = absl::InfinitePast();  // one that was never there is said at once
  while (true) {
    auto job = client.Get(name);
    if (job.ok()) {
      if (goal.IsReached(*job) || HasEnded(job->state())) return job;
      last_reachable = absl::Now();
    } else if (!IsAway(job.status()) || absl::Now() - last_reachable > kPatience) {
      return job;
    }
    const absl::Duration left = start + patience - absl::Now();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(absl::StrCat(
          JobId(name), " is not ", goal.Text(), " after ", absl::FormatDuration(patience),
          job.ok() ? absl::StrCat(": it is ", StateText(job->state()), goal.step > 0 ? " at step " : "",
                                  goal.step > 0 ? absl::StrCat(job->policy_version()) : "")
                   : "",
          job.ok() && !job->state_reason().empty() ? ", " : "", job.ok() ? OneLine(job->state_reason()) : ""));
    }
    absl::SleepFor(std::min(left, kPollInterval));
  }
}

void RunWait(VerbContext& context, const WaitFlags& flags) {
  absl::Duration patience;
  ParsePatience(flags.patience, &patience);               // checked with the flags
  const Goal goal = GoalOf(flags.what).value_or(Goal());  // checked with the flags
  JobClient client = Connect(context);
  const auto job = WaitForGoal(client, JobName(context.namespace_id, flags.job), goal, patience);
  if (!job.ok()) return Fail(context, job.status());
  *context.console.out << FormatJob(*job, flags.output, absl::Now()) << std::flush;
  if (!goal.IsReached(*job)) FailWithJob(context, *job);
}

}  // namespace

void AddWait(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<WaitFlags>();
  CLI::App* verb = app.add_subcommand(
      "wait", "Waits until a job is in a state or at a step; exits 5 when it ends before, 4 when the time is over");
  AddJobArgument(verb, flags->job);
  verb->add_option("--for", flags->what, "what is waited for")
      ->check(
          [](const std::string& what) -> std::string {
            if (GoalOf(what).has_value()) return "";
            return "what is waited for is state=NAME, with a state of a job, or step=N, from 1 (" + what + ")";
          },
          WaitChoices())
      ->capture_default_str();
  verb->add_option("--timeout", flags->patience, "how long to wait: seconds, or 30s, 10m, 2h, inf")
      ->check([](const std::string& text) -> std::string {
        absl::Duration patience;
        return ParsePatience(text, &patience) ? "" : "no duration (" + text + ")";
      })
      ->capture_default_str();
  AddOutputFlag(verb, flags->output);
  verb->callback([&context, flags] { RunWait(context, *flags); });
}

}  // namespace cohort::cli
