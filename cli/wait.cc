// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <ostream>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/job_client.h"
#include "cli/job_output.h"
#include "cli/verb_flags.h"
#include "cli/verbs.h"

namespace cohort::cli {
namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(500);
// A coordinator may be away this long, for a restart say.
constexpr absl::Duration kPatience = absl::Minutes(2);
constexpr char kStatePrefix[] = "state=";

struct WaitFlags {
  std::string job;
  std::string what = "state=SUCCEEDED";
  std::string patience = "inf";
  OutputFormat output = OutputFormat::kTable;
};

// JOB_STATE_UNSPECIFIED when the text is not "state=" and a state.
cohort::v1::JobState StateOf(const std::string& what) {
  const std::string text = absl::AsciiStrToLower(what);
  if (text.rfind(kStatePrefix, 0) != 0) return cohort::v1::JOB_STATE_UNSPECIFIED;
  const auto states = StateNames();
  const auto found = states.find(text.substr(sizeof(kStatePrefix) - 1));
  return found == states.end() ? cohort::v1::JOB_STATE_UNSPECIFIED : found->second;
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

// The job once it is in the state or has ended in another. DEADLINE_EXCEEDED when neither happened in time.
absl::StatusOr<cohort::v1::Job> WaitForState(JobClient& client, const std::string& name, cohort::v1::JobState state,
                                             absl::Duration patience) {
  const absl::Time start = absl::Now();
  absl::Time last_reachable = absl::InfinitePast();  // one that was never there is said at once
  while (true) {
    auto job = client.Get(name);
    if (job.ok()) {
      if (job->state() == state || HasEnded(job->state())) return job;
      last_reachable = absl::Now();
    } else if (!IsAway(job.status()) || absl::Now() - last_reachable > kPatience) {
      return job;
    }
    const absl::Duration left = start + patience - absl::Now();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(absl::StrCat(
          JobId(name), " is not ", StateText(state), " after ", absl::FormatDuration(patience),
          job.ok() ? absl::StrCat(": it is ", StateText(job->state())) : "",
          job.ok() && !job->state_reason().empty() ? ", " : "", job.ok() ? OneLine(job->state_reason()) : ""));
    }
    absl::SleepFor(std::min(left, kPollInterval));
  }
}

void RunWait(VerbContext& context, const WaitFlags& flags) {
  absl::Duration patience;
  ParsePatience(flags.patience, &patience);  // checked with the flags
  const cohort::v1::JobState state = StateOf(flags.what);
  JobClient client = Connect(context);
  const auto job = WaitForState(client, JobName(context.namespace_id, flags.job), state, patience);
  if (!job.ok()) return Fail(context, job.status());
  *context.console.out << FormatJob(*job, flags.output, absl::Now()) << std::flush;
  if (job->state() == state) return;
  *context.console.err << "cohortctl: " << JobId(job->name()) << " ended " << StateText(job->state())
                       << (job->state_reason().empty() ? "" : ": ") << OneLine(job->state_reason()) << std::endl;
  context.exit_code = common::kExitJobFailed;
}

}  // namespace

void AddWait(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<WaitFlags>();
  CLI::App* verb = app.add_subcommand(
      "wait", "Waits until a job is in a state; exits 5 when it ends in another, 4 when the time is over");
  AddJobArgument(verb, flags->job);
  verb->add_option("--for", flags->what, "state=NAME: state=SUCCEEDED, state=RUNNING, state=PAUSED, ...")
      ->check([](const std::string& what) -> std::string {
        if (StateOf(what) != cohort::v1::JOB_STATE_UNSPECIFIED) return "";
        return "what is waited for is state=NAME, with a state of a job (" + what + ")";
      })
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
