// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_CONSTANT_TIME_H_
#define COHORT_COMMON_SECURITY_CONSTANT_TIME_H_

#include <string_view>

namespace cohort::security {

// Whether the bytes are equal, in a time that depends on the two sizes alone and not on where they differ: for anything
// that an attacker may guess byte by byte. Pure.
bool EqualInConstantTime(std::string_view a, std::string_view b);

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_CONSTANT_TIME_H_
