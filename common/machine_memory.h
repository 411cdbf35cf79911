// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_MACHINE_MEMORY_H_
#define COHORT_COMMON_MACHINE_MEMORY_H_

#include <cstdint>
#include <string_view>

namespace cohort::common {

// Memory that this process may use: that of the machine or, if it is less, the limit of one of its control groups
// (versions 1 and 2). 0 when it cannot be found out. `root` is where /proc and /sys are looked for.
int64_t MachineMemoryBytes(std::string_view root = "");

// The most memory of this process that was resident at once so far (VmHWM); 0 when it cannot be found out.
int64_t PeakResidentBytes(std::string_view root = "");

}  // namespace cohort::common

#endif  // COHORT_COMMON_MACHINE_MEMORY_H_
