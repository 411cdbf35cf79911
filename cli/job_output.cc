// SPDX-License-Identifier: Apache-2.0
#include "cli/job_output.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/job_client.h"

namespace cohort::cli {
namespace {

using cohort::v1::Job;
using cohort::v1::JobEvent;

// How a table of jobs looks.
struct TableLayout {
  bool is_wide = false;
  bool shows_namespace = false;
};

std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

std::string LabelsText(const Job& job) {
  const std::map<std::string, std::string> labels(job.spec().labels().begin(), job.spec().labels().end());
  return OrDash(absl::StrJoin(labels, ",", absl::PairFormatter("=")));
}

std::vector<std::string> JobRow(const Job& job, absl::Time now, const TableLayout& layout) {
  std::vector<std::string> accuracies;
  for (const auto& evaluation : job.evaluations()) {
    accuracies.push_back(absl::StrFormat("%s=%.1f%%", evaluation.run(), 100 * evaluation.accuracy()));
  }
  std::vector<std::string> row = {
      JobId(job.name()),
      KindText(job.spec()),
      StateText(job.state()),
      HasRanks(job.spec()) ? absl::StrCat(job.policy_version(), "/", job.spec().training().num_steps()) : "-",
      OrDash(absl::StrJoin(accuracies, ",")),
      AgeText(now - TimeOf(job.create_time())),
      OrDash(job.state_reason())};
  if (layout.shows_namespace) row.insert(row.begin(), NamespaceId(job.name()));
  if (layout.is_wide) {
    row.insert(row.end(), {absl::StrCat(job.spec().scheduling().priority()),
                           job.queue_position() > 0 ? absl::StrCat(job.queue_position()) : "-",
                           absl::StrCat(job.num_workers()), OrDash(job.waits_for()), LabelsText(job)});
  }
  return row;
}

std::vector<std::string> JobHeadings(const TableLayout& layout) {
  std::vector<std::string> headings = {"ID", "KIND", "STATE", "STEP", "EVALUATION", "AGE", "REASON"};
  if (layout.shows_namespace) headings.insert(headings.begin(), "NAMESPACE");
  if (layout.is_wide) headings.insert(headings.end(), {"PRIORITY", "QUEUE", "WORKERS", "WAITS FOR", "LABELS"});
  return headings;
}

std::string StepText(const cohort::v1::StepReport& step) {
  std::string text = absl::StrFormat("step %d/%d", step.policy_version(), step.num_steps());
  for (const auto& [key, value] : std::map<std::string, double>(step.metrics().begin(), step.metrics().end())) {
    absl::StrAppendFormat(&text, " %s=%.6g", key, value);
  }
  return text;
}

std::string RescoreText(const cohort::v1::RescoreResult& result) {
  std::string text = absl::StrFormat(
      "rescore groups=%d completions=%d no_verdict=%d mean_old_reward=%.4f mean_new_reward=%.4f unchanged_share=%.4f",
      result.num_groups(), result.num_completions(), result.num_no_verdict(), result.mean_old_reward(),
      result.mean_new_reward(), result.unchanged_share());
  for (const auto& [verifier, value] :
       std::map<std::string, double>(result.mean_values().begin(), result.mean_values().end())) {
    absl::StrAppendFormat(&text, " %s=%.4f", verifier, value);
  }
  return text;
}

}  // namespace

std::string StateText(cohort::v1::JobState state) { return EnumText(cohort::v1::JobState_Name(state), "JOB_STATE_"); }

std::string KindText(const cohort::v1::JobSpec& spec) {
  switch (spec.kind_case()) {
    case cohort::v1::JobSpec::kSft:
      return "sft";
    case cohort::v1::JobSpec::kEval:
      return "eval";
    case cohort::v1::JobSpec::kRescore:
      return "rescore";
    case cohort::v1::JobSpec::kRlvr:
    case cohort::v1::JobSpec::KIND_NOT_SET:
      break;
  }
  return "rlvr";
}

bool HasRanks(const cohort::v1::JobSpec& spec) { return !spec.has_eval() && !spec.has_rescore(); }

std::string PassAtKText(const cohort::v1::EvaluationResult& result) {
  std::string text;
  for (const auto& [k, share] : std::map<int32_t, double>(result.pass_at_k().begin(), result.pass_at_k().end())) {
    absl::StrAppendFormat(&text, " pass@%d=%.4f", k, share);
  }
  return text;
}

std::string EventText(const JobEvent& event) {
  switch (event.event_case()) {
    case JobEvent::kStateChanged: {
      const Job& job = event.state_changed();
      return absl::StrCat("state ", StateText(job.state()), job.state_reason().empty() ? "" : ": ",
                          OneLine(job.state_reason()));
    }
    case JobEvent::kStep:
      return StepText(event.step());
    case JobEvent::kEvaluation: {
      const auto& result = event.evaluation().result();
      return absl::StrFormat("evaluation %s version=%d accuracy=%.4f mean_reward=%.4f completions=%d%s", result.run(),
                             result.policy_version(), result.accuracy(), result.mean_reward(), result.num_completions(),
                             PassAtKText(result));
    }
    case JobEvent::kNotice:
      return absl::StrCat("notice: ", OneLine(event.notice()));
    case JobEvent::kRescore:
      return RescoreText(event.rescore());
    case JobEvent::EVENT_NOT_SET:
      break;
  }
  return "";
}

std::string FormatJob(const Job& job, OutputFormat format, absl::Time now) {
  if (auto document = AsDocument(job, format)) return *std::move(document);
  if (format == OutputFormat::kName) return absl::StrCat(job.name(), "\n");
  const TableLayout layout = {.is_wide = format == OutputFormat::kWide};
  return FormatTable({JobHeadings(layout), JobRow(job, now, layout)});
}

std::string FormatJobs(const cohort::v1::ListJobsResponse& page, OutputFormat format, absl::Time now,
                       bool shows_namespace) {
  if (auto document = AsListDocument(page, format)) return *std::move(document);
  if (format == OutputFormat::kName) {
    std::string names;
    for (const Job& job : page.jobs()) absl::StrAppend(&names, job.name(), "\n");
    return names;
  }
  const TableLayout layout = {.is_wide = format == OutputFormat::kWide, .shows_namespace = shows_namespace};
  std::vector<std::vector<std::string>> rows = {JobHeadings(layout)};
  for (const Job& job : page.jobs()) rows.push_back(JobRow(job, now, layout));
  return FormatTable(rows);
}

std::string FormatEvent(const JobEvent& event, OutputFormat format) {
  if (auto document = AsStreamedDocument(event, format)) return *std::move(document);
  if (format == OutputFormat::kName) {
    return event.has_state_changed() ? absl::StrCat(event.state_changed().name(), "\n") : "";
  }
  const std::string text = EventText(event);
  if (text.empty()) return "";
  return absl::StrCat(absl::FormatTime("%H:%M:%S", TimeOf(event.time()), absl::LocalTimeZone()), " ", text, "\n");
}

}  // namespace cohort::cli
