// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/log.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/escaping.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/utf8.h"

namespace cohort::log {
namespace {

constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warning", "error"};

// What Configure and SetListener set: the log is the one thing that is global, as stderr is.
struct Settings {
  std::atomic<Level> min_level{Level::kInfo};
  absl::Mutex mutex;
  std::string component ABSL_GUARDED_BY(mutex) = "-";
  absl::Mutex listener_mutex;  // shared while the listener is called
  std::function<void(const Line&)> listener ABSL_GUARDED_BY(listener_mutex);
};

Settings& GetSettings() {
  static Settings* const settings = new Settings;
  return *settings;
}

// A longer value says no more; the line must stay one write.
constexpr size_t kMaxValueBytes = 8192;

bool IsPlainUtf8(std::string_view value) { return common::IsValidUtf8(value) && !common::HasC1Control(value); }

bool NeedsQuotes(std::string_view value) {
  if (value.empty() || !IsPlainUtf8(value)) return true;
  for (const unsigned char c : value) {
    if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c == 0x7F) return true;
  }
  return false;
}

void AppendValue(std::string_view value, std::string* line) {
  if (value.size() > kMaxValueBytes) return AppendValue(common::Printable(value, kMaxValueBytes - 3), line);
  if (!NeedsQuotes(value)) {
    *line += value;
    return;
  }
  const absl::string_view text(value.data(), value.size());
  absl::StrAppend(line, "\"", IsPlainUtf8(value) ? absl::Utf8SafeCEscape(text) : absl::CEscape(text), "\"");
}

// One write per line: lines of several threads and processes never mix.
void WriteLine(std::string_view line) {
  while (!line.empty()) {
    const ssize_t size = write(STDERR_FILENO, line.data(), line.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return;  // nobody can be told
    line.remove_prefix(static_cast<size_t>(size));
  }
}

void Log(Level level, std::string_view event, std::initializer_list<Field> fields) {
  Settings& settings = GetSettings();
  if (level < settings.min_level.load(std::memory_order_relaxed)) return;
  const Line line{.time = absl::Now(),
                  .level = level,
                  .event = event,
                  .fields = absl::MakeConstSpan(fields.begin(), fields.size())};
  std::string text = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ ", line.time, absl::UTCTimeZone());
  text += kLevels[static_cast<size_t>(level)];
  text += ' ';
  {
    absl::MutexLock lock(&settings.mutex);
    text += settings.component;
  }
  text += ' ';
  text += TextOf(line);
  text += '\n';
  WriteLine(text);
  absl::ReaderMutexLock lock(&settings.listener_mutex);
  if (settings.listener) settings.listener(line);
}

}  // namespace

absl::Status Configure(std::string_view component, std::string_view level) {
  for (size_t i = 0; i < kLevels.size(); ++i) {
    if (kLevels[i] != level) continue;
    Settings& settings = GetSettings();
    settings.min_level = static_cast<Level>(i);
    absl::MutexLock lock(&settings.mutex);
    settings.component = std::string(component);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("log level: must be debug, info, warning or error (", std::string(level), ")"));
}

std::string TextOf(const Line& line, std::string_view left_out) {
  std::string text(line.event);
  for (const Field& field : line.fields) {
    if (!left_out.empty() && field.key == left_out) continue;
    text += ' ';
    text += field.key;
    text += '=';
    AppendValue(field.value, &text);
  }
  return text;
}

void SetListener(std::function<void(const Line&)> listener) {
  Settings& settings = GetSettings();
  absl::WriterMutexLock lock(&settings.listener_mutex);
  settings.listener = std::move(listener);
}

void Debug(std::string_view event, std::initializer_list<Field> fields) { Log(Level::kDebug, event, fields); }
void Info(std::string_view event, std::initializer_list<Field> fields) { Log(Level::kInfo, event, fields); }
void Warning(std::string_view event, std::initializer_list<Field> fields) { Log(Level::kWarning, event, fields); }
void Error(std::string_view event, std::initializer_list<Field> fields) { Log(Level::kError, event, fields); }

}  // namespace cohort::log
