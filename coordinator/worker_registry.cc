// SPDX-License-Identifier: Apache-2.0
#include "coordinator/worker_registry.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/field_error.h"
#include "common/telemetry/log.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kMaxIdBytes = 256;
constexpr size_t kMaxWorkers = 16384;
constexpr size_t kMaxDescribed = 8;
constexpr int64_t kFailuresBeforePause = 3;
constexpr absl::Duration kFirstPause = absl::Seconds(2);
constexpr absl::Duration kLongestPause = absl::Seconds(60);

absl::Duration PauseAfter(int64_t num_failures) {
  const int64_t num_doublings = std::min<int64_t>(num_failures - kFailuresBeforePause, 10);
  return std::min(kLongestPause, kFirstPause * (int64_t{1} << num_doublings));
}

// Another process: the addresses of a restarted one differ unless they are fixed.
bool IsSameProcess(const cohort::v1::WorkerDescription& a, const cohort::v1::WorkerDescription& b) {
  return a.http_address() == b.http_address() && a.device() == b.device() && a.processor() == b.processor();
}

}  // namespace

absl::Status WorkerRegistry::Hear(const cohort::v1::WorkerDescription& worker, absl::Duration now) {
  const std::string& id = worker.worker_id();
  if (id.empty()) return common::InvalidField("worker.worker_id", "", "a worker needs an id");
  if (id.size() > kMaxIdBytes) return common::InvalidField("worker.worker_id", id, "must be at most 256 bytes");
  absl::MutexLock lock(&mutex_);
  const auto known = workers_.find(id);
  if (known != workers_.end()) {
    if (!IsSameProcess(known->second.description, worker)) known->second.allowed_from = now;
    known->second.description = worker;
    known->second.last_heard = now;
    return absl::OkStatus();
  }
  if (workers_.size() >= kMaxWorkers) {
    return absl::ResourceExhaustedError(absl::StrCat("worker: too many are registered (", workers_.size(), ")"));
  }
  workers_[id] = {.description = worker, .last_heard = now, .allowed_from = now};
  log::Info("worker_registered", {{"worker", id},
                                  {"device", worker.device()},
                                  {"processor", worker.processor()},
                                  {"http", worker.http_address()}});
  const int64_t num_kinds = CountProcessorKinds();
  if (num_kinds > 1) log::Warning("mixed_processor_kinds", {{"worker", id}, {"kinds", num_kinds}});
  return absl::OkStatus();
}

void WorkerRegistry::ForgetSilent(absl::Duration now) {
  absl::MutexLock lock(&mutex_);
  for (auto it = workers_.begin(); it != workers_.end();) {
    if (now - it->second.last_heard < silence_) {
      ++it;
      continue;
    }
    log::Warning("worker_silent", {{"worker", it->first}, {"seconds", absl::ToDoubleSeconds(silence_)}});
    it = workers_.erase(it);
  }
}

int64_t WorkerRegistry::NumWorkers() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int64_t>(workers_.size());
}

std::vector<DeviceOffer> WorkerRegistry::Devices() const {
  absl::MutexLock lock(&mutex_);
  std::vector<DeviceOffer> devices;
  for (const auto& [id, worker] : workers_) {
    devices.push_back({.device = worker.description.device(), .memory_bytes = worker.description.memory_bytes()});
  }
  return devices;
}

std::vector<KnownWorker> WorkerRegistry::Workers(absl::Duration now) const {
  absl::MutexLock lock(&mutex_);
  std::vector<KnownWorker> known;
  for (const auto& [id, worker] : workers_) {
    known.push_back({.description = worker.description, .last_heard = worker.last_heard});
    if (IsSetAside(worker) && now < worker.allowed_from) known.back().set_aside_reason = Describe(worker);
  }
  return known;
}

int64_t WorkerRegistry::NumProcessorKinds() const {
  absl::MutexLock lock(&mutex_);
  return CountProcessorKinds();
}

int32_t WorkerRegistry::Allow(std::string_view worker_id, int32_t wanted, absl::Duration now) const {
  absl::MutexLock lock(&mutex_);
  const auto it = workers_.find(worker_id);
  if (it == workers_.end() || it->second.num_failures == 0) return wanted;
  return now < it->second.allowed_from ? 0 : std::min(wanted, 1);
}

std::string WorkerRegistry::WhySetAside(std::string_view worker_id, absl::Duration now) const {
  absl::MutexLock lock(&mutex_);
  const auto it = workers_.find(worker_id);
  if (it == workers_.end() || !IsSetAside(it->second) || now >= it->second.allowed_from) return "";
  return Describe(it->second);
}

void WorkerRegistry::CountGrant(std::string_view worker_id, absl::Duration now, absl::Duration hold) {
  absl::MutexLock lock(&mutex_);
  const auto it = workers_.find(worker_id);
  if (it != workers_.end() && it->second.num_failures > 0) it->second.allowed_from = now + hold;
}

void WorkerRegistry::CountFailure(std::string_view worker_id, std::string_view reason, absl::Duration now) {
  absl::MutexLock lock(&mutex_);
  const auto it = workers_.find(worker_id);
  if (it == workers_.end()) return;
  Worker& worker = it->second;
  ++worker.num_failures;
  worker.last_failure = std::string(reason);
  worker.allowed_from = now;
  if (!IsSetAside(worker)) return;
  const absl::Duration pause = PauseAfter(worker.num_failures);
  worker.allowed_from = now + pause;
  worker.is_paused = true;
  log::Warning("worker_set_aside", {{"worker", it->first},
                                    {"failures", worker.num_failures},
                                    {"seconds", absl::ToDoubleSeconds(pause)},
                                    {"reason", worker.last_failure}});
}

void WorkerRegistry::CountSuccess(std::string_view worker_id) {
  absl::MutexLock lock(&mutex_);
  const auto it = workers_.find(worker_id);
  if (it == workers_.end() || it->second.num_failures == 0) return;
  if (IsSetAside(it->second)) log::Info("worker_trusted_again", {{"worker", it->first}});
  it->second.num_failures = 0;
  it->second.last_failure.clear();
  it->second.is_paused = false;
}

void WorkerRegistry::EndProbe(std::string_view worker_id) {
  absl::MutexLock lock(&mutex_);
  const auto it = workers_.find(worker_id);
  if (it != workers_.end() && !it->second.is_paused) it->second.allowed_from = it->second.last_heard;
}

bool WorkerRegistry::HasOtherThan(const std::set<std::string>& workers) const {
  absl::MutexLock lock(&mutex_);
  return std::any_of(workers_.begin(), workers_.end(), [&workers](const auto& entry) {
    return !IsSetAside(entry.second) && workers.count(entry.first) == 0;
  });
}

int64_t WorkerRegistry::NumSetAside() const {
  absl::MutexLock lock(&mutex_);
  return std::count_if(workers_.begin(), workers_.end(), [](const auto& entry) { return IsSetAside(entry.second); });
}

std::string WorkerRegistry::DescribeSetAside() const {
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> texts;
  for (const auto& [id, worker] : workers_) {
    if (!IsSetAside(worker)) continue;
    if (texts.size() == kMaxDescribed) {
      texts.push_back("...");
      break;
    }
    texts.push_back(absl::StrCat(id, " ", Describe(worker)));
  }
  return absl::StrJoin(texts, ", ");
}

bool WorkerRegistry::TakeEndedPauses(absl::Duration now) {
  absl::MutexLock lock(&mutex_);
  bool has_ended = false;
  for (auto& [id, worker] : workers_) {
    if (!worker.is_paused || now < worker.allowed_from) continue;
    worker.is_paused = false;
    has_ended = true;
  }
  return has_ended;
}

std::set<std::string> WorkerRegistry::ProcessorKindsOf(const std::set<std::string>& workers) const {
  absl::MutexLock lock(&mutex_);
  std::set<std::string> kinds;
  for (const std::string& id : workers) {
    const auto it = workers_.find(id);
    if (it != workers_.end()) kinds.insert(it->second.description.processor());
  }
  return kinds;
}

int64_t WorkerRegistry::CountProcessorKinds() const {
  std::set<std::string> kinds;
  for (const auto& [id, worker] : workers_) kinds.insert(worker.description.processor());
  return static_cast<int64_t>(kinds.size());
}

bool WorkerRegistry::IsSetAside(const Worker& worker) { return worker.num_failures >= kFailuresBeforePause; }

std::string WorkerRegistry::Describe(const Worker& worker) {
  return absl::StrCat("after ", worker.num_failures, " failures (", worker.last_failure, ")");
}

}  // namespace cohort::coordinator
