// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TELEMETRY_SERIES_OWNERS_H_
#define COHORT_COMMON_TELEMETRY_SERIES_OWNERS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace cohort::common {

// Bounds the series of metrics that belong to something that comes and goes, by one label. Protected owners keep
// their series; of all others only the `max_idle` that were updated last do. Series are updated and removed under one
// lock, so nobody may hold on to one. Thread-safe.
class SeriesOwners final {
 public:
  // Removes the series that one family has of an owner.
  using Remove = std::function<void(const std::string& owner)>;

  // `max_idle` is at least 1.
  explicit SeriesOwners(size_t max_idle) : max_idle_(max_idle) {}

  // Held while a series is looked up and updated.
  absl::Mutex* mutex() { return &mutex_; }
  void AddFamily(Remove remove) ABSL_LOCKS_EXCLUDED(mutex_);
  // The owner's series are about to be updated.
  void Touch(const std::string& owner) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Until Release; the owner need not have series yet.
  void Protect(const std::string& owner) ABSL_LOCKS_EXCLUDED(mutex_);
  void Release(const std::string& owner) ABSL_LOCKS_EXCLUDED(mutex_);
  // Removes the owner's series, and leaves open whether it is protected.
  void Forget(const std::string& owner) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void RemoveSurplus() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RemoveSeries(const std::string& owner) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_idle_;
  absl::Mutex mutex_;
  std::vector<Remove> families_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> protected_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int64_t> touched_ ABSL_GUARDED_BY(mutex_);  // owners with series; larger is later
  int64_t num_touches_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cohort::common

#endif  // COHORT_COMMON_TELEMETRY_SERIES_OWNERS_H_
