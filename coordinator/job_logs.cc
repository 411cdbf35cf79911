// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_logs.h"

#include <algorithm>
#include <utility>

#include "common/config/proto_time.h"
#include "common/telemetry/line_report.h"
#include "common/telemetry/recent_lines.h"
#include "coordinator/resource_name.h"

namespace cohort::coordinator {
namespace {

using cohort::v1::LogLine;

constexpr char kSubjectKey[] = "job";
constexpr char kOwnName[] = "coordinator";
// Lines of one start of the coordinator, at most.
constexpr int kSequenceBits = 32;
// Beyond so many processes it is forgotten how far each has come: their next lines may come twice or lost ones untold.
constexpr size_t kMaxSources = 10'000;
// Nobody counts that far.
constexpr int64_t kMaxNumber = int64_t{1} << 62;
// What a line costs beside its texts, roughly.
constexpr int64_t kLineBytes = 256;

int64_t BytesOf(const LogLine& line) { return kLineBytes + static_cast<int64_t>(line.ByteSizeLong()); }

auto FirstAfter(const std::deque<LogLine>& lines, int64_t sequence) {
  return std::upper_bound(lines.begin(), lines.end(), sequence,
                          [](int64_t value, const LogLine& line) { return value < line.sequence(); });
}

}  // namespace

bool LogFilter::Lets(const LogLine& line) const {
  return line.record().level() >= min_level && (role == cohort::v1::PROCESS_ROLE_UNSPECIFIED || line.role() == role) &&
         (process.empty() || line.process() == process) &&
         common::FromProtoTimestamp(line.record().time()) >= first_time;
}

JobLogs::JobLogs(int64_t epoch, ChangeSignal* signal, prometheus::Gauge* bytes, const Limits& limits, JobCheck is_job)
    : signal_(signal),
      bytes_(bytes),
      limits_(limits),
      is_job_(std::move(is_job)),
      last_sequence_(epoch << kSequenceBits) {}

void JobLogs::AddOwn(const log::Line& line) {
  const log::RecentLine recent = log::LineAbout(line, kSubjectKey);
  if (!CheckJobName(recent.subject).ok()) return;
  LogLine own;
  own.set_role(cohort::v1::PROCESS_ROLE_COORDINATOR);
  own.set_process(kOwnName);
  log::FillRecord(recent, own.mutable_record());
  {
    absl::MutexLock lock(&mutex_);
    Add(std::move(own));
  }
  signal_->Notify();
}

void JobLogs::AddReport(cohort::v1::ProcessRole role, const std::string& process, const cohort::v1::LogReport& report) {
  if (report.lines().empty() || report.first_number() < 1 || report.first_number() > kMaxNumber) return;
  const std::set<std::string> jobs = JobsOf(report);
  {
    absl::MutexLock lock(&mutex_);
    if (sources_.size() > kMaxSources) sources_.clear();
    const auto [it, is_new] = sources_.try_emplace({role, process});
    Source& source = it->second;
    // A process that was not heard of may have told its first lines to the coordinator before this one.
    if (is_new) source = {.start_id = report.start_id(), .next_number = report.first_number()};
    if (source.start_id != report.start_id()) source = {.start_id = report.start_id(), .next_number = 1};
    int64_t num_lost = std::max<int64_t>(0, report.first_number() - source.next_number);
    int64_t number = report.first_number();
    for (const cohort::v1::LogRecord& record : report.lines()) {
      if (number++ < source.next_number || !jobs.contains(record.job())) continue;
      LogLine line;
      line.set_role(role);
      line.set_process(process);
      line.set_num_lost_before(num_lost);
      *line.mutable_record() = record;
      Add(std::move(line));
      num_lost = 0;
    }
    source.next_number = std::max(source.next_number, number);
  }
  signal_->Notify();
}

// Without the lock, which whoever logs a line waits for.
std::set<std::string> JobLogs::JobsOf(const cohort::v1::LogReport& report) const {
  std::set<std::string> named;
  for (const cohort::v1::LogRecord& record : report.lines()) named.insert(record.job());
  std::set<std::string> jobs;
  for (const std::string& name : named) {
    if (CheckJobName(name).ok() && (!is_job_ || is_job_(name))) jobs.insert(name);
  }
  return jobs;
}

void JobLogs::Add(LogLine line) {
  line.set_sequence(++last_sequence_);
  Ring& ring = rings_[line.record().job()];
  if (!ring.lines.empty()) jobs_.erase(ring.lines.back().sequence());
  jobs_[last_sequence_] = line.record().job();
  const int64_t bytes = BytesOf(line);
  ring.num_bytes += bytes;
  num_bytes_ += bytes;
  ring.lines.push_back(std::move(line));
  const auto is_full = [&] {
    return ring.lines.size() > limits_.max_lines_per_job || ring.num_bytes > limits_.max_bytes_per_job;
  };
  while (is_full() && ring.lines.size() > 1) DropOldest(&ring);
  while (num_bytes_ > limits_.max_bytes && rings_.size() > 1) DropQuietest();
  bytes_->Set(static_cast<double>(num_bytes_));
}

void JobLogs::DropOldest(Ring* ring) {
  const int64_t bytes = BytesOf(ring->lines.front());
  ring->num_bytes -= bytes;
  num_bytes_ -= bytes;
  ring->lines.pop_front();
}

void JobLogs::DropQuietest() {
  const auto quietest = rings_.find(jobs_.begin()->second);
  num_bytes_ -= quietest->second.num_bytes;
  rings_.erase(quietest);
  jobs_.erase(jobs_.begin());
}

JobLogs::Page JobLogs::After(const std::string& job, int64_t sequence, const LogFilter& filter,
                             size_t max_lines) const {
  Page page{.lines = {}, .last_sequence = sequence};
  absl::MutexLock lock(&mutex_);
  const auto ring = rings_.find(job);
  if (ring == rings_.end()) return page;
  const std::deque<LogLine>& lines = ring->second.lines;
  for (auto line = FirstAfter(lines, sequence); line != lines.end() && max_lines > 0; ++line, --max_lines) {
    page.last_sequence = line->sequence();
    if (filter.Lets(*line)) page.lines.push_back(*line);
  }
  return page;
}

int64_t JobLogs::BeforeNewest(const std::string& job, int64_t sequence, const LogFilter& filter, int64_t count) const {
  absl::MutexLock lock(&mutex_);
  const auto ring = rings_.find(job);
  if (ring == rings_.end()) return sequence;
  const std::deque<LogLine>& lines = ring->second.lines;
  for (auto line = lines.rbegin(); line != lines.rend() && line->sequence() > sequence; ++line) {
    if (filter.Lets(*line) && --count < 0) return line->sequence();
  }
  return sequence;
}

void JobLogs::Forget(const std::string& job) {
  absl::MutexLock lock(&mutex_);
  const auto ring = rings_.find(job);
  if (ring == rings_.end()) return;
  num_bytes_ -= ring->second.num_bytes;
  jobs_.erase(ring->second.lines.back().sequence());
  rings_.erase(ring);
  bytes_->Set(static_cast<double>(num_bytes_));
}

}  // namespace cohort::coordinator
