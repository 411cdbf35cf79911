// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <algorithm>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/job_client.h"
#include "cli/job_output.h"

namespace cohort::cli {
namespace {

// Steps whose mean pace the ETA trusts.
constexpr int64_t kPaceSteps = 10;
constexpr int64_t kBarColumns = 20;

std::string Bar(int64_t done, int64_t total) {
  const int64_t filled = total > 0 ? std::clamp<int64_t>(kBarColumns * done / total, 0, kBarColumns) : 0;
  return absl::StrCat("[", std::string(filled, '#'), std::string(kBarColumns - filled, '.'), "]");
}

// Time left, from the pace of the newest steps; infinite before the second step.
absl::Duration Eta(const JobHistory& history, int64_t num_steps) {
  const int64_t count = static_cast<int64_t>(history.steps.size());
  if (count < 2) return absl::InfiniteDuration();
  const int64_t span = std::min(kPaceSteps, count - 1);
  const absl::Duration pace = (history.steps[count - 1].time - history.steps[count - 1 - span].time) / span;
  return pace * (num_steps - history.steps.back().policy_version);
}

// Why a job that has not ended makes no step now; empty while it runs.
std::string StandstillText(const cohort::v1::Job& job) {
  const std::string what = HasRanks(job.spec()) ? "learner ranks" : "rollout workers";
  switch (job.state()) {
    case cohort::v1::JOB_STATE_QUEUED:
      return "waiting for " + what;
    case cohort::v1::JOB_STATE_PREEMPTED:
      return "made room for another job, waiting for " + what;
    case cohort::v1::JOB_STATE_PAUSING:
      return "pausing";
    case cohort::v1::JOB_STATE_PAUSED:
      return "paused";
    case cohort::v1::JOB_STATE_CANCELLING:
      return "cancelling";
    default:
      return "";
  }
}

// Of a job that trains nothing.
std::string WorkText(const JobHistory& history) {
  if (HasEnded(history.job.state())) return "done";
  if (history.job.spec().has_rescore()) return "rescoring";
  return absl::StrCat("evaluating, ", history.evaluations.size(), " of ", history.job.spec().evaluation().runs_size(),
                      " runs done");
}

}  // namespace

std::string ClockText(absl::Duration duration) {
  const int64_t seconds = std::max<int64_t>(0, absl::ToInt64Seconds(duration));
  if (seconds < 3600) return absl::StrFormat("%d:%02d", seconds / 60, seconds % 60);
  return absl::StrFormat("%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

std::string CountText(double count) {
  if (count < 1000) return absl::StrFormat("%.0f", count);
  if (count < 1e6) return absl::StrFormat("%.1fk", count / 1e3);
  return absl::StrFormat("%.1fM", count / 1e6);
}

std::string ProgressText(const JobHistory& history, absl::Time now) {
  const std::string pause = StandstillText(history.job);
  if (!HasRanks(history.job.spec()))
    return absl::StrCat(history.job_id, "  ", pause.empty() ? WorkText(history) : pause);
  const int64_t num_steps = history.job.spec().training().num_steps();
  const int64_t step = history.steps.empty() ? 0 : history.steps.back().policy_version;
  std::string text = absl::StrFormat("%s %s %d/%d", history.job_id, Bar(step, num_steps), step, num_steps);
  if (!pause.empty()) return absl::StrCat(text, "  ", pause);
  if (history.steps.empty()) {
    const bool has_evaluation = history.job.spec().has_evaluation();
    return absl::StrCat(text, has_evaluation ? "  evaluating before the first step" : "  waiting for the first step");
  }
  if (history.Has("reward_mean")) {
    absl::StrAppendFormat(&text, "  reward %.2f  accuracy %.1f%%", history.Latest("reward_mean", 0),
                          100 * history.Latest("accuracy", 0));
    absl::StrAppend(&text, "  workers ", CountText(history.Latest("generation_tokens_per_second", 0)), " tok/s");
  } else {
    absl::StrAppendFormat(&text, "  loss %.4f", history.Latest("loss", 0));
  }
  absl::StrAppend(&text, "  learner ", CountText(history.Latest("learner_tokens_per_second", 0)), " tok/s");
  if (step >= num_steps) {
    const bool has_evaluation = history.job.spec().has_evaluation() && !HasEnded(history.job.state());
    return absl::StrCat(text, has_evaluation ? "  evaluating" : "  done");
  }
  const absl::Duration eta = Eta(history, num_steps);
  if (eta == absl::InfiniteDuration()) return text;
  return absl::StrCat(text, "  ETA ", ClockText(eta - (now - history.steps.back().time)));
}

ProgressLine::ProgressLine(const Console& console, absl::Duration plain_interval)
    : console_(console), plain_interval_(plain_interval) {}

void ProgressLine::Show(const std::string& text, absl::Time now, bool is_final) {
  if (console_.is_quiet) return;
  if (console_.err_is_terminal) {
    const size_t columns = std::max(20, console_.err_columns - 1);
    *console_.err << "\r\033[K" << text.substr(0, columns) << (is_final ? "\n" : "") << std::flush;
    is_drawn_ = !is_final;
    return;
  }
  const bool is_due = now - last_plain_ >= plain_interval_;
  if (text == last_text_ || !(is_due || is_final)) return;
  *console_.err << text << std::endl;
  last_plain_ = now;
  last_text_ = text;
}

void ProgressLine::Clear() {
  if (!is_drawn_) return;
  *console_.err << "\r\033[K" << std::flush;
  is_drawn_ = false;
}

}  // namespace cohort::cli
