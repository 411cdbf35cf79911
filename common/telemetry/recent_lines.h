// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TELEMETRY_RECENT_LINES_H_
#define COHORT_COMMON_TELEMETRY_RECENT_LINES_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/telemetry/log.h"

namespace cohort::log {

// A log line about something.
struct RecentLine {
  int64_t number = 0;
  absl::Time time;
  Level level = Level::kInfo;
  std::string subject;
  std::string text;  // TextOf without the field that names the subject, at most 8 KiB
};

// A line about a subject, without a number: the subject is the value of its field `key`. Empty subject: it has none, or
// none that could be a name (more than 256 bytes, no UTF-8).
RecentLine LineAbout(const Line& line, std::string_view key);

// What this process has logged about any subject and nobody has fetched yet, numbered from 1 in order. Beyond
// `max_bytes` the oldest lines go, so that numbers are missing at the beginning and nowhere else. Thread-safe.
//
//   log::RecentLines lines("job");
//   log::SetListener([&lines](const log::Line& line) { lines.Add(line); });
class RecentLines final {
 public:
  explicit RecentLines(std::string_view key, int64_t max_bytes = 256 << 10);

  void Add(const Line& line);
  // The oldest lines: at most `max_lines`, and no more than `max_bytes` of text unless one alone has more.
  std::vector<RecentLine> Oldest(size_t max_lines, int64_t max_bytes) const;
  // Those up to this number have arrived where they were to go.
  void RemoveThrough(int64_t number);
  // Drawn at construction: with another one numbers begin again.
  uint64_t start_id() const { return start_id_; }

 private:
  const std::string key_;
  const int64_t max_bytes_;
  const uint64_t start_id_;
  mutable absl::Mutex mutex_;
  std::deque<RecentLine> lines_ ABSL_GUARDED_BY(mutex_);
  int64_t num_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t last_number_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cohort::log

#endif  // COHORT_COMMON_TELEMETRY_RECENT_LINES_H_
