// SPDX-License-Identifier: Apache-2.0
#include "cli/job_description.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/job_client.h"
#include "cli/job_output.h"
#include "cli/output_format.h"
#include "cli/progress.h"

namespace cohort::cli {
namespace {

using cohort::v1::Job;
using cohort::v1::JobCondition;
using cohort::v1::JobDescription;
using google::protobuf::util::TimeUtil;
using Rows = std::vector<std::vector<std::string>>;

// "2026-01-02T03:04:05Z (5m ago)".
std::string SinceText(const google::protobuf::Timestamp& time, absl::Time now) {
  const absl::Time since = TimeOf(time);
  return absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", since, absl::UTCTimeZone()), " (", AgeText(now - since),
                      " ago)");
}

// A titled table, indented; nothing when it has no row below its heading.
std::string Section(std::string_view title, const Rows& rows) {
  if (rows.size() < 2) return "";
  std::string text = absl::StrCat(std::string(title), ":\n");
  const std::string table = FormatTable(rows);
  for (const absl::string_view line : absl::StrSplit(table, '\n', absl::SkipEmpty())) {
    absl::StrAppend(&text, "  ", line, "\n");
  }
  return text;
}

std::string ModelText(const cohort::v1::ModelSpec& model) {
  std::string text = model.path();
  if (model.has_from_job()) text = absl::StrCat("checkpoint of ", model.from_job());
  if (model.has_from_job() && model.from_job_version() > 0) {
    absl::StrAppend(&text, ", version ", model.from_job_version());
  }
  if (model.precision() == cohort::v1::MODEL_PRECISION_BF16) absl::StrAppend(&text, ", in bf16");
  return text;
}

std::string DataText(const cohort::v1::DatasetSpec& data) {
  if (data.has_uploaded()) return absl::StrCat("uploaded ", data.uploaded().sha256());
  return data.jsonl().path();
}

std::string StateLine(const Job& job, const Console& console) {
  const std::string state = StateText(job.state());
  if (job.state() == cohort::v1::JOB_STATE_SUCCEEDED) return Green(console, state);
  return job.state() == cohort::v1::JOB_STATE_FAILED ? Red(console, state) : state;
}

std::string RolloutText(const cohort::v1::RolloutSpec& rollout) {
  const std::string schedule = rollout.has_max_lag() ? absl::StrCat("max_lag ", rollout.max_lag())
                                                     : absl::StrCat("fixed_lag ", rollout.fixed_lag());
  return absl::StrCat(rollout.groups_per_step(), " groups of ", rollout.group_size(), " per step, ", schedule, ", ",
                      "at most ", rollout.sampling().max_completion_tokens(), " tokens");
}

// What was asked for.
void AppendSpec(const Job& job, Rows& rows) {
  const auto& spec = job.spec();
  const std::map<std::string, std::string> labels(spec.labels().begin(), spec.labels().end());
  if (!labels.empty()) rows.push_back({"Labels:", absl::StrJoin(labels, ", ", absl::PairFormatter("="))});
  if (spec.has_rescore()) {
    rows.push_back(
        {"Rescores:", absl::StrCat("job ", spec.rescore().job(), ", steps ", spec.rescore().first_step(), " to ",
                                   spec.rescore().last_step() > 0 ? absl::StrCat(spec.rescore().last_step() - 1)
                                                                  : std::string("the newest"))});
  } else {
    rows.push_back({"Model:", ModelText(spec.model())});
  }
  if (spec.has_rlvr()) {
    rows.push_back({"Data:", DataText(spec.rlvr().data())});
    rows.push_back({"Rollouts:", RolloutText(spec.rlvr().rollout())});
  }
  if (spec.has_sft()) rows.push_back({"Data:", DataText(spec.sft().data())});
  if (HasRanks(spec)) {
    const auto& training = spec.training();
    rows.push_back(
        {"Training:", absl::StrCat(training.num_steps(), " steps on ", std::max(1, training.world_size()),
                                   training.world_size() > 1 ? " ranks" : " rank", ", seed ", training.seed())});
  }
  std::vector<std::string> runs;
  for (const auto& run : spec.evaluation().runs()) runs.push_back(run.name());
  if (!runs.empty()) {
    rows.push_back(
        {"Evaluation:", absl::StrCat(absl::StrJoin(runs, ", "), " on ", DataText(spec.evaluation().data()))});
  }
  rows.push_back({"Priority:", absl::StrCat(spec.scheduling().priority())});
}

// What is so now.
void AppendStatus(const Job& job, absl::Time now, const Console& console, Rows& rows) {
  rows.push_back({"State:", StateLine(job, console)});
  if (!job.state_reason().empty()) rows.push_back({"Reason:", job.state_reason()});
  if (!job.waits_for().empty()) {
    rows.push_back({"Waits for:",
                    absl::StrCat(job.waits_for(), job.has_waits_since() ? ", since " + SinceText(job.waits_since(), now)
                                                                        : std::string())});
  }
  if (job.queue_position() > 0) rows.push_back({"Place in queue:", absl::StrCat(job.queue_position())});
  if (HasRanks(job.spec())) {
    rows.push_back({"Step:", absl::StrCat(job.policy_version(), " of ", job.spec().training().num_steps())});
    rows.push_back({"Gangs formed:", absl::StrCat(job.incarnation())});
  }
  rows.push_back({"Workers now:", absl::StrCat(job.num_workers())});
  if (!job.checkpoint_path().empty()) rows.push_back({"Checkpoint:", job.checkpoint_path()});
  std::vector<std::string> best;
  for (const auto& one : job.best_versions()) {
    best.push_back(absl::StrFormat("%d (%.4f)", one.policy_version(), one.accuracy()));
  }
  if (!best.empty()) rows.push_back({"Best versions:", absl::StrJoin(best, ", ")});
  rows.push_back({"Created:", SinceText(job.create_time(), now)});
  if (job.has_update_time()) rows.push_back({"Changed:", SinceText(job.update_time(), now)});
  if (job.has_end_time()) rows.push_back({"Ended:", SinceText(job.end_time(), now)});
  rows.push_back({"Spec digest:", job.spec_digest()});
  rows.push_back({"Etag:", job.etag()});
}

std::string ConditionText(JobCondition::Type type) { return JobCondition::Type_Name(type); }

std::string Conditions(const Job& job, absl::Time now, const Console& console) {
  Rows rows = {{"TYPE", "SINCE", "MESSAGE"}};
  for (const JobCondition& condition : job.conditions()) {
    rows.push_back(
        {ConditionText(condition.type()), SinceText(condition.since(), now), Red(console, condition.message())});
  }
  return Section("Conditions", rows);
}

double Seconds(const google::protobuf::Duration& duration) {
  return static_cast<double>(TimeUtil::DurationToNanoseconds(duration)) / 1e9;
}

// Use since the job began, and since it was last resumed against the budget.
std::string Use(const Job& job) {
  const auto& use = job.use();
  const auto& resumed = job.use_at_resume();
  const auto& budget = job.spec().budget();
  const auto row = [](std::string_view name, const std::string& total, const std::string& counted,
                      const std::string& limit) {
    return std::vector<std::string>{std::string(name), total, limit.empty() ? "-" : counted,
                                    limit.empty() ? "-" : limit};
  };
  const auto seconds = [](double value) { return absl::StrFormat("%.1f", value); };
  const auto clock = [](double value) { return ClockText(absl::Seconds(value)); };
  Rows rows = {{"RESOURCE", "USED", "OF BUDGET", "BUDGET"}};
  rows.push_back(row("device-seconds", seconds(use.device_seconds()),
                     seconds(use.device_seconds() - resumed.device_seconds()),
                     budget.device_seconds() > 0 ? seconds(budget.device_seconds()) : ""));
  rows.push_back(row("tokens", absl::StrCat(use.tokens()), absl::StrCat(use.tokens() - resumed.tokens()),
                     budget.tokens() > 0 ? absl::StrCat(budget.tokens()) : ""));
  rows.push_back(row("wall time", clock(Seconds(use.wall_time())),
                     clock(Seconds(use.wall_time()) - Seconds(resumed.wall_time())),
                     Seconds(budget.wall_time()) > 0 ? clock(Seconds(budget.wall_time())) : ""));
  return Section("Use", rows);
}

std::string Evaluations(const Job& job) {
  Rows rows = {{"RUN", "VERSION", "ACCURACY", "MEAN REWARD", "COMPLETIONS", "NO VERDICT", "PASS@K"}};
  for (const auto& result : job.evaluations()) {
    const std::string pass_at_k = PassAtKText(result);
    rows.push_back({result.run(), absl::StrCat(result.policy_version()), absl::StrFormat("%.4f", result.accuracy()),
                    absl::StrFormat("%.4f", result.mean_reward()), absl::StrCat(result.num_completions()),
                    absl::StrCat(result.num_no_verdict()), pass_at_k.empty() ? "-" : pass_at_k.substr(1)});
  }
  return Section("Newest evaluations", rows);
}

std::string Rescore(const Job& job) {
  const auto& result = job.rescore();
  Rows rows = {{"GROUPS", "COMPLETIONS", "NO VERDICT", "OLD REWARD", "NEW REWARD", "UNCHANGED"}};
  if (job.has_rescore()) {
    rows.push_back({absl::StrCat(result.num_groups()), absl::StrCat(result.num_completions()),
                    absl::StrCat(result.num_no_verdict()), absl::StrFormat("%.4f", result.mean_old_reward()),
                    absl::StrFormat("%.4f", result.mean_new_reward()),
                    absl::StrFormat("%.1f %%", 100 * result.unchanged_share())});
  }
  return Section("Rescore", rows);
}

std::string DroppedGroups(const Job& job) {
  Rows rows = {{"REASON", "GROUPS"}};
  for (const auto& [reason, count] :
       std::map<std::string, int64_t>(job.dropped_groups().begin(), job.dropped_groups().end())) {
    rows.push_back({reason, absl::StrCat(count)});
  }
  return Section("Dropped groups", rows);
}

std::string Checkpoints(const JobDescription& description) {
  Rows rows = {{"VERSION", "EXISTS", "PATH"}};
  for (const auto& checkpoint : description.checkpoints()) {
    rows.push_back({absl::StrCat(checkpoint.policy_version()), checkpoint.exists() ? "yes" : "no", checkpoint.path()});
  }
  return Section("Checkpoints", rows);
}

std::string Events(const JobDescription& description, absl::Time now) {
  Rows rows = {{"AGE", "EVENT"}};
  for (const auto& event : description.events()) {
    const std::string text =
        event.has_step() ? absl::StrCat("step ", event.step().policy_version(), " of ", event.step().num_steps())
                         : EventText(event);
    if (!text.empty()) rows.push_back({AgeText(now - TimeOf(event.time())), text});
  }
  return Section("Recent events", rows);
}

}  // namespace

std::string DescribeJob(const cohort::v1::JobDescription& description, absl::Time now, const Console& console) {
  const Job& job = description.job();
  Rows rows = {{"Name:", JobId(job.name())}, {"Namespace:", NamespaceId(job.name())}, {"Kind:", KindText(job.spec())}};
  AppendSpec(job, rows);
  AppendStatus(job, now, console, rows);
  return absl::StrCat(FormatTable(rows), Conditions(job, now, console), Use(job), Evaluations(job), Rescore(job),
                      DroppedGroups(job), Checkpoints(description), Events(description, now));
}

}  // namespace cohort::cli
