// SPDX-License-Identifier: Apache-2.0
#include "cli/log_output.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace cohort::cli {

std::string FormatLogLine(const cohort::v1::LogLine& line, OutputFormat format, const Console& console) {
  const auto document = AsStreamedDocument(line, format);
  if (document.has_value()) return *document;
  const std::string process = OneLine(line.process());
  std::string text;
  if (line.num_lost_before() > 0)
    absl::StrAppend(&text, "(", line.num_lost_before(), " lines of ", process, " lost)\n");
  const cohort::v1::LogRecord& record = line.record();
  const std::string level = cohort::v1::LogLevel_IsValid(record.level())
                                ? EnumText(cohort::v1::LogLevel_Name(record.level()), "LOG_LEVEL_")
                                : absl::StrCat(record.level());
  const bool is_error = record.level() == cohort::v1::LOG_LEVEL_ERROR;
  absl::StrAppend(&text, absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", TimeOf(record.time()), absl::UTCTimeZone()), " ",
                  is_error ? Red(console, level) : level, " ", process, " ", OneLine(record.text()), "\n");
  return text;
}

}  // namespace cohort::cli
