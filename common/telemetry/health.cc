// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/health.h"

namespace cohort::common {

void Health::SetReady() {
  absl::MutexLock lock(&mutex_);
  reason_.clear();
}

void Health::SetNotReady(std::string_view reason) {
  absl::MutexLock lock(&mutex_);
  reason_ = reason.empty() ? "not ready" : std::string(reason);
}

bool Health::IsReady() const {
  absl::MutexLock lock(&mutex_);
  return reason_.empty();
}

std::string Health::Reason() const {
  absl::MutexLock lock(&mutex_);
  return reason_;
}

}  // namespace cohort::common
