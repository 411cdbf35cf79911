// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TELEMETRY_LINE_REPORT_H_
#define COHORT_COMMON_TELEMETRY_LINE_REPORT_H_

#include <cstdint>
#include <vector>

#include "common/config/proto_time.h"
#include "common/telemetry/recent_lines.h"

// Recent lines as messages of cohort.v1 (log.proto), which this room does not know: by the names of their fields. Pure.
namespace cohort::log {

// What one report holds at most.
inline constexpr size_t kMaxReportLines = 500;
inline constexpr int64_t kMaxReportBytes = 64 << 10;

// Fills a message with the fields time, level, job and text; levels are those of Level plus one.
template <typename Record>
void FillRecord(const RecentLine& line, Record* record) {
  *record->mutable_time() = common::ToProtoTimestamp(line.time);
  record->set_level(static_cast<decltype(record->level())>(static_cast<int>(line.level) + 1));
  record->set_job(line.subject);
  record->set_text(line.text);
}

// Fills a message with the fields start_id, first_number and lines with what there is to report, and returns the number
// of the last line: RemoveThrough when the report has arrived. 0 and an empty message when there is nothing.
template <typename Report>
int64_t FillReport(const RecentLines& lines, Report* report) {
  const std::vector<RecentLine> oldest = lines.Oldest(kMaxReportLines, kMaxReportBytes);
  if (oldest.empty()) return 0;
  report->set_start_id(lines.start_id());
  report->set_first_number(oldest.front().number);
  for (const RecentLine& line : oldest) FillRecord(line, report->add_lines());
  return oldest.back().number;
}

}  // namespace cohort::log

#endif  // COHORT_COMMON_TELEMETRY_LINE_REPORT_H_
