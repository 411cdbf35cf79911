// SPDX-License-Identifier: Apache-2.0
#include "cli/record_output.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/job_client.h"
#include "common/sha256.h"

namespace cohort::cli {
namespace {

constexpr size_t kShortDigest = 12;
// A number of "%.6g" and its sign and exponent.
constexpr size_t kNumberColumns = 12;

std::string RoleText(cohort::v1::Process::Role role) {
  return role == cohort::v1::Process::LEARNER_RANK ? "learner" : "worker";
}

// What a process does: the rank of its gang, or the groups that it holds.
std::string LoadText(const cohort::v1::Process& process) {
  if (process.role() != cohort::v1::Process::LEARNER_RANK) return absl::StrCat(process.num_groups(), " groups");
  return process.jobs().empty() ? "-" : absl::StrCat("rank ", process.rank());
}

std::vector<std::string> ProcessRow(const cohort::v1::Process& process, bool is_wide, absl::Time now) {
  std::vector<std::string> jobs;
  for (const std::string& job : process.jobs()) jobs.push_back(JobId(job));
  std::vector<std::string> row = {process.id(),
                                  RoleText(process.role()),
                                  process.device(),
                                  jobs.empty() ? "-" : absl::StrJoin(jobs, ","),
                                  LoadText(process),
                                  AgeText(now - TimeOf(process.last_heard())),
                                  process.set_aside_reason().empty() ? "-" : process.set_aside_reason()};
  if (!is_wide) return row;
  const double gibibytes = static_cast<double>(process.memory_bytes()) / (int64_t{1} << 30);
  row.insert(row.end(), {process.processor().empty() ? "-" : process.processor(),
                         process.memory_bytes() > 0 ? absl::StrFormat("%.1f GiB", gibibytes) : "-",
                         process.http_address().empty() ? "-" : process.http_address()});
  return row;
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", TimeOf(time), absl::UTCTimeZone());
}

// Cells under the headings of StepHeading; every cell but the last is padded.
std::string TableLine(const std::vector<std::string>& cells, const std::vector<std::string>& columns) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    const size_t width = i == 0 ? 7 : i == 1 ? 20 : std::max(kNumberColumns, columns[i - 2].size());
    absl::StrAppend(&line, i == 0 ? "" : "  ", cells[i]);
    if (i + 1 < cells.size() && cells[i].size() < width) line.append(width - cells[i].size(), ' ');
  }
  return line + "\n";
}

}  // namespace

std::string FormatCheckpoints(const cohort::v1::ListCheckpointsResponse& page, OutputFormat format) {
  if (auto document = AsListDocument(page, format)) return *std::move(document);
  std::string names;
  std::vector<std::vector<std::string>> rows = {{"VERSION", "EXISTS", "DIGEST", "PATH"}};
  for (const auto& checkpoint : page.checkpoints()) {
    absl::StrAppend(&names, checkpoint.name(), "\n");
    const std::string digest = common::HexOf(checkpoint.digest());
    rows.push_back({absl::StrCat(checkpoint.policy_version()), checkpoint.exists() ? "yes" : "no",
                    format == OutputFormat::kWide ? digest : digest.substr(0, kShortDigest), checkpoint.path()});
  }
  return format == OutputFormat::kName ? names : FormatTable(rows);
}

std::string FormatProcesses(const cohort::v1::ListProcessesResponse& page, OutputFormat format, absl::Time now) {
  if (auto document = AsListDocument(page, format)) return *std::move(document);
  const bool is_wide = format == OutputFormat::kWide;
  std::string names;
  std::vector<std::vector<std::string>> rows = {{"ID", "ROLE", "DEVICE", "JOBS", "LOAD", "HEARD", "SET ASIDE"}};
  if (is_wide) rows[0].insert(rows[0].end(), {"PROCESSOR", "MEMORY", "METRICS"});
  for (const auto& process : page.processes()) {
    absl::StrAppend(&names, process.id(), "\n");
    rows.push_back(ProcessRow(process, is_wide, now));
  }
  return format == OutputFormat::kName ? names : FormatTable(rows);
}

std::vector<std::string> StepColumns(const cohort::v1::ListStepsResponse& page, const std::vector<std::string>& asked) {
  if (!asked.empty()) return asked;
  std::set<std::string> names;
  for (const auto& step : page.steps()) {
    for (const auto& [name, value] : step.step().metrics()) names.insert(name);
  }
  return {names.begin(), names.end()};
}

std::string StepHeading(const std::vector<std::string>& columns, OutputFormat format) {
  if (format == OutputFormat::kJson || format == OutputFormat::kYaml) return "";
  const bool is_csv = format == OutputFormat::kCsv;
  std::vector<std::string> cells =
      is_csv ? std::vector<std::string>{"policy_version", "time"} : std::vector<std::string>{"VERSION", "TIME"};
  cells.insert(cells.end(), columns.begin(), columns.end());
  return is_csv ? absl::StrCat(absl::StrJoin(cells, ","), "\n") : TableLine(cells, columns);
}

std::string FormatStep(const cohort::v1::StepRecord& step, const std::vector<std::string>& columns,
                       OutputFormat format) {
  if (auto document = AsStreamedDocument(step, format)) return *std::move(document);
  const bool is_csv = format == OutputFormat::kCsv;
  std::vector<std::string> cells = {absl::StrCat(step.step().policy_version()), TimeText(step.time())};
  for (const std::string& column : columns) {
    const auto found = step.step().metrics().find(column);
    if (found == step.step().metrics().end()) {
      cells.push_back(is_csv ? "" : "-");
    } else {
      // CSV is for programs: every digit.
      cells.push_back(is_csv ? absl::StrFormat("%.17g", found->second) : absl::StrFormat("%.6g", found->second));
    }
  }
  return is_csv ? absl::StrCat(absl::StrJoin(cells, ","), "\n") : TableLine(cells, columns);
}

}  // namespace cohort::cli
