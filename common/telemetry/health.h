// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TELEMETRY_HEALTH_H_
#define COHORT_COMMON_TELEMETRY_HEALTH_H_

#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace cohort::common {

// Whether the process can take work, and if not, why. Thread-safe. Starts not ready ("starting").
class Health final {
 public:
  void SetReady();
  void SetNotReady(std::string_view reason);
  bool IsReady() const;
  // Empty when ready.
  std::string Reason() const;

 private:
  mutable absl::Mutex mutex_;
  std::string reason_ ABSL_GUARDED_BY(mutex_) = "starting";
};

}  // namespace cohort::common

#endif  // COHORT_COMMON_TELEMETRY_HEALTH_H_
