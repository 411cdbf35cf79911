// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_VERSION_H_
#define COHORT_COMMON_VERSION_H_

#include <string>

namespace cohort::common {

// Of every binary; shown by `cohortctl version` and cohort_build_info.
inline constexpr char kVersion[] = "0.1.0";

// What built it: "gcc 12.2.0".
std::string CompilerText();
// How: "optimized" or "debug", with the address or thread sanitizer: "optimized, address sanitizer".
std::string BuildModeText();

}  // namespace cohort::common

#endif  // COHORT_COMMON_VERSION_H_
