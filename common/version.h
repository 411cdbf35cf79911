// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_VERSION_H_
#define COHORT_COMMON_VERSION_H_

namespace cohort::common {

// Of every binary; shown by `cohortctl version` and cohort_build_info.
inline constexpr char kVersion[] = "0.1.0";

}  // namespace cohort::common

#endif  // COHORT_COMMON_VERSION_H_
