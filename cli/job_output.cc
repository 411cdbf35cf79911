// SPDX-License-Identifier: Apache-2.0
#include "cli/job_output.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/job_client.h"
#include "common/config/proto_to_yaml.h"

namespace cohort::cli {
namespace {

using cohort::v1::Job;
using cohort::v1::JobEvent;
using google::protobuf::Message;

std::string ToJson(const Message& message, bool is_pretty) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = is_pretty;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return "{}\n";  // only for unresolvable Any fields, which these messages lack
  if (json.empty() || json.back() != '\n') json.push_back('\n');
  return json;
}

// "45s", "12m", "3h", "2d" as kubectl writes ages.
std::string AgeText(absl::Duration age) {
  const int64_t seconds = std::max<int64_t>(0, absl::ToInt64Seconds(age));
  if (seconds < 120) return absl::StrCat(seconds, "s");
  if (seconds < 2 * 3600) return absl::StrCat(seconds / 60, "m");
  if (seconds < 48 * 3600) return absl::StrCat(seconds / 3600, "h");
  return absl::StrCat(seconds / 86400, "d");
}

std::vector<std::string> JobRow(const Job& job, absl::Time now) {
  std::vector<std::string> evaluations;
  for (const auto& evaluation : job.evaluations()) {
    evaluations.push_back(absl::StrFormat("%s=%.1f%%", evaluation.run(), 100 * evaluation.accuracy()));
  }
  std::string accuracy = evaluations.empty() ? "-" : "";
  for (const auto& text : evaluations) absl::StrAppend(&accuracy, accuracy.empty() ? "" : ",", text);
  const absl::Time created =
      absl::FromUnixNanos(google::protobuf::util::TimeUtil::TimestampToNanoseconds(job.create_time()));
  return {JobId(job.name()),
          job.spec().has_sft() ? "sft" : "rlvr",
          StateText(job.state()),
          absl::StrCat(job.policy_version(), "/", job.spec().training().num_steps()),
          accuracy,
          AgeText(now - created),
          job.state_reason().empty() ? "-" : job.state_reason()};
}

const std::vector<std::string>& JobHeadings() {
  static const auto& headings =
      *new std::vector<std::string>{"ID", "KIND", "STATE", "STEP", "EVALUATION", "AGE", "REASON"};
  return headings;
}

std::string StepText(const cohort::v1::StepReport& step) {
  std::string text = absl::StrFormat("step %d/%d", step.policy_version(), step.num_steps());
  for (const auto& [key, value] : std::map<std::string, double>(step.metrics().begin(), step.metrics().end())) {
    absl::StrAppendFormat(&text, " %s=%.6g", key, value);
  }
  return text;
}

std::string EventText(const JobEvent& event) {
  switch (event.event_case()) {
    case JobEvent::kStateChanged: {
      const Job& job = event.state_changed();
      return absl::StrCat("state ", StateText(job.state()), job.state_reason().empty() ? "" : ": ", job.state_reason());
    }
    case JobEvent::kStep:
      return StepText(event.step());
    case JobEvent::kEvaluation: {
      const auto& result = event.evaluation().result();
      return absl::StrFormat("evaluation %s version=%d accuracy=%.4f mean_reward=%.4f completions=%d", result.run(),
                             result.policy_version(), result.accuracy(), result.mean_reward(),
                             result.num_completions());
    }
    case JobEvent::kNotice:
      return absl::StrCat("notice: ", event.notice());
    case JobEvent::EVENT_NOT_SET:
      break;
  }
  return "";
}

}  // namespace

const std::map<std::string, OutputFormat>& OutputFormats() {
  static const auto& formats = *new std::map<std::string, OutputFormat>{{"table", OutputFormat::kTable},
                                                                        {"json", OutputFormat::kJson},
                                                                        {"yaml", OutputFormat::kYaml},
                                                                        {"name", OutputFormat::kName}};
  return formats;
}

std::string StateText(cohort::v1::JobState state) {
  const std::string name = cohort::v1::JobState_Name(state);
  constexpr std::string_view kPrefix = "JOB_STATE_";
  return absl::AsciiStrToLower(name.size() > kPrefix.size() ? name.substr(kPrefix.size()) : name);
}

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    absl::StrAppend(&out, line, "\n");
  }
  return out;
}

std::string FormatJob(const Job& job, OutputFormat format, absl::Time now) {
  switch (format) {
    case OutputFormat::kJson:
      return ToJson(job, /*is_pretty=*/true);
    case OutputFormat::kYaml:
      return common::ProtoToYaml(job);
    case OutputFormat::kName:
      return absl::StrCat(job.name(), "\n");
    case OutputFormat::kTable:
      break;
  }
  return FormatTable({JobHeadings(), JobRow(job, now)});
}

std::string FormatJobs(const cohort::v1::ListJobsResponse& page, OutputFormat format, absl::Time now) {
  std::string names;
  std::vector<std::vector<std::string>> rows = {JobHeadings()};
  switch (format) {
    case OutputFormat::kJson:
      return ToJson(page, /*is_pretty=*/true);
    case OutputFormat::kYaml:
      return common::ProtoToYaml(page);
    case OutputFormat::kName:
      for (const Job& job : page.jobs()) absl::StrAppend(&names, job.name(), "\n");
      return names;
    case OutputFormat::kTable:
      for (const Job& job : page.jobs()) rows.push_back(JobRow(job, now));
      break;
  }
  return FormatTable(rows);
}

std::string FormatEvent(const JobEvent& event, OutputFormat format) {
  switch (format) {
    case OutputFormat::kJson:
      return ToJson(event, /*is_pretty=*/false);
    case OutputFormat::kYaml:
      return absl::StrCat("---\n", common::ProtoToYaml(event));
    case OutputFormat::kName:
      return event.has_state_changed() ? absl::StrCat(event.state_changed().name(), "\n") : "";
    case OutputFormat::kTable:
      break;
  }
  const std::string text = EventText(event);
  if (text.empty()) return "";
  const absl::Time time = absl::FromUnixNanos(google::protobuf::util::TimeUtil::TimestampToNanoseconds(event.time()));
  return absl::StrCat(absl::FormatTime("%H:%M:%S", time, absl::LocalTimeZone()), " ", text, "\n");
}

}  // namespace cohort::cli
