// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/series_owners.h"

#include <utility>

namespace cohort::common {

void SeriesOwners::AddFamily(Remove remove) {
  absl::MutexLock lock(&mutex_);
  families_.push_back(std::move(remove));
}

void SeriesOwners::Touch(const std::string& owner) {
  const auto [it, is_first] = touched_.try_emplace(owner, 0);
  it->second = ++num_touches_;
  if (is_first && protected_.count(owner) == 0) RemoveSurplus();  // a protected one does not raise the number
}

void SeriesOwners::Protect(const std::string& owner) {
  absl::MutexLock lock(&mutex_);
  protected_.insert(owner);
}

void SeriesOwners::Release(const std::string& owner) {
  absl::MutexLock lock(&mutex_);
  protected_.erase(owner);
  RemoveSurplus();
}

void SeriesOwners::Forget(const std::string& owner) {
  absl::MutexLock lock(&mutex_);
  RemoveSeries(owner);
}

void SeriesOwners::RemoveSurplus() {
  std::map<int64_t, std::string> idle;  // longest ago first
  for (const auto& [owner, touched] : touched_) {
    if (protected_.count(owner) == 0) idle.emplace(touched, owner);
  }
  for (auto it = idle.begin(); idle.size() > max_idle_; it = idle.erase(it)) RemoveSeries(it->second);
}

void SeriesOwners::RemoveSeries(const std::string& owner) {
  if (touched_.erase(owner) == 0) return;
  for (const Remove& remove : families_) remove(owner);
}

}  // namespace cohort::common
