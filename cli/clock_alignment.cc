// SPDX-License-Identifier: Apache-2.0
#include "cli/clock_alignment.h"

#include <algorithm>

namespace cohort::cli {

void ClockAlignment::AddReceipt(const std::string& process, absl::Time time, absl::Time sent) {
  Bounds& bounds = bounds_[process];
  bounds.at_least = std::max(bounds.at_least, sent - time);
}

void ClockAlignment::AddSending(const std::string& process, absl::Time time, absl::Time arrived) {
  Bounds& bounds = bounds_[process];
  bounds.at_most = std::min(bounds.at_most, arrived - time);
}

ClockAlignment::Bounds ClockAlignment::BoundsOf(const std::string& process) const {
  const auto found = bounds_.find(process);
  return found == bounds_.end() ? Bounds() : found->second;
}

absl::Duration ClockAlignment::ShiftOf(const std::string& process) const {
  const Bounds bounds = BoundsOf(process);
  return std::min(std::max(absl::ZeroDuration(), bounds.at_least), bounds.at_most);
}

absl::Duration ClockAlignment::UncertaintyOf(const std::string& process) const {
  const Bounds bounds = BoundsOf(process);
  return std::max(absl::ZeroDuration(), bounds.at_most - bounds.at_least);
}

}  // namespace cohort::cli
