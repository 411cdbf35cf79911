// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TELEMETRY_LOG_H_
#define COHORT_COMMON_TELEMETRY_LOG_H_

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace cohort::log {

// One key of a log line. Values with blanks or quotes are written quoted.
struct Field {
  std::string_view key;
  std::string value;

  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
  Field(std::string_view k, const absl::Status& v) : key(k), value(v.ToString()) {}
  template <typename T, typename = std::enable_if_t<std::is_arithmetic_v<T>>>
  Field(std::string_view k, T v) : key(k), value(absl::StrCat(v)) {}
};

// "debug", "info", "warning", "error"; `component` is the binary's name on every line. Lines go to stderr as
// "time level component event key=value ...". Call once in main; without it lines of info and above appear.
absl::Status Configure(std::string_view component, std::string_view level);

enum class Level { kDebug, kInfo, kWarning, kError };

// A line while it is written.
struct Line {
  absl::Time time;
  Level level;
  std::string_view event;
  absl::Span<const Field> fields;
};

// "event key=value ...", without the fields of the key `left_out`.
std::string TextOf(const Line& line, std::string_view left_out = "");

// From now on every line that is written goes to `listener`, too, on the thread that logs; null: to none. The listener
// is quick, logs nothing and does not call this; threads call it at the same time. When this returns, the one before
// is not called any more. Thread-safe.
void SetListener(std::function<void(const Line&)> listener);

// One line per event, never per token. Thread-safe.
void Debug(std::string_view event, std::initializer_list<Field> fields = {});
void Info(std::string_view event, std::initializer_list<Field> fields = {});
void Warning(std::string_view event, std::initializer_list<Field> fields = {});
void Error(std::string_view event, std::initializer_list<Field> fields = {});

}  // namespace cohort::log

#endif  // COHORT_COMMON_TELEMETRY_LOG_H_
