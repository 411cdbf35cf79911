// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/recent_lines.h"

#include <random>
#include <utility>

#include "common/utf8.h"

namespace cohort::log {
namespace {

constexpr size_t kMaxSubjectBytes = 256;
constexpr size_t kMaxTextBytes = 8 << 10;
constexpr size_t kEllipsisBytes = 3;

uint64_t DrawId() {
  std::random_device random;
  return static_cast<uint64_t>(random()) << 32 | random();
}

// What a line costs here and on the wire, roughly.
int64_t BytesOf(const RecentLine& line) {
  return static_cast<int64_t>(sizeof(RecentLine) + line.subject.size() + line.text.size());
}

}  // namespace

RecentLine LineAbout(const Line& line, std::string_view key) {
  RecentLine recent{.time = line.time, .level = line.level};
  for (const Field& field : line.fields) {
    if (field.key == key) recent.subject = field.value;
  }
  if (recent.subject.size() > kMaxSubjectBytes || !common::IsValidUtf8(recent.subject)) recent.subject.clear();
  if (recent.subject.empty()) return recent;
  recent.text = TextOf(line, key);
  if (recent.text.size() > kMaxTextBytes) recent.text = common::Printable(recent.text, kMaxTextBytes - kEllipsisBytes);
  return recent;
}

RecentLines::RecentLines(std::string_view key, int64_t max_bytes)
    : key_(key), max_bytes_(max_bytes), start_id_(DrawId()) {}

void RecentLines::Add(const Line& line) {
  RecentLine recent = LineAbout(line, key_);
  if (recent.subject.empty()) return;
  absl::MutexLock lock(&mutex_);
  recent.number = ++last_number_;
  num_bytes_ += BytesOf(recent);
  lines_.push_back(std::move(recent));
  while (num_bytes_ > max_bytes_ && lines_.size() > 1) {
    num_bytes_ -= BytesOf(lines_.front());
    lines_.pop_front();
  }
}

std::vector<RecentLine> RecentLines::Oldest(size_t max_lines, int64_t max_bytes) const {
  absl::MutexLock lock(&mutex_);
  std::vector<RecentLine> oldest;
  int64_t num_bytes = 0;
  for (const RecentLine& line : lines_) {
    num_bytes += BytesOf(line);
    const bool is_full = oldest.size() >= max_lines || (num_bytes > max_bytes && !oldest.empty());
    if (is_full) break;
    oldest.push_back(line);
  }
  return oldest;
}

void RecentLines::RemoveThrough(int64_t number) {
  absl::MutexLock lock(&mutex_);
  while (!lines_.empty() && lines_.front().number <= number) {
    num_bytes_ -= BytesOf(lines_.front());
    lines_.pop_front();
  }
}

}  // namespace cohort::log
