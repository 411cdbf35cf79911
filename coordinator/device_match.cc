// SPDX-License-Identifier: Apache-2.0
#include "coordinator/device_match.h"

namespace cohort::coordinator {

std::string_view DeviceKind(std::string_view device) { return device.substr(0, device.find(':')); }

bool Meets(const cohort::v1::DeviceRequirement& requirement, std::string_view device, int64_t memory_bytes) {
  const bool is_kind = requirement.device().empty() || requirement.device() == DeviceKind(device);
  return is_kind && memory_bytes >= requirement.min_memory_bytes();
}

}  // namespace cohort::coordinator
