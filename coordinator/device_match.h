// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_DEVICE_MATCH_H_
#define COHORT_COORDINATOR_DEVICE_MATCH_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

// What a process computes on, as it described itself.
struct DeviceOffer {
  std::string device;        // "cpu" or "cuda:0"
  int64_t memory_bytes = 0;  // 0: not known
};

// "cuda" of "cuda:0".
std::string_view DeviceKind(std::string_view device);

// Memory that is not known meets no requirement of memory. Pure.
bool Meets(const cohort::v1::DeviceRequirement& requirement, std::string_view device, int64_t memory_bytes);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_DEVICE_MATCH_H_
