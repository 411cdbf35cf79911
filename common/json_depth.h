// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_JSON_DEPTH_H_
#define COHORT_COMMON_JSON_DEPTH_H_

#include <cstddef>
#include <string_view>

#include "absl/status/status.h"

namespace cohort::common {

// Levels of arrays and objects that JSON from outside may have: far more than data needs, far less than recursion over
// it could bear.
inline constexpr int kMaxJsonDepth = 64;

// The place of the first bracket that opens more than `max_depth` levels; npos when there is none. To be asked before
// parsing, of any text: brackets inside of strings do not count, and up to the first syntax error, where a parser
// stops, these are the levels that it sees. Pure.
size_t FindTooDeep(std::string_view json, int max_depth = kMaxJsonDepth);

// INVALID_ARGUMENT, with the beginning of the text, when it has more than kMaxJsonDepth levels.
absl::Status CheckJsonDepth(std::string_view json);

}  // namespace cohort::common

#endif  // COHORT_COMMON_JSON_DEPTH_H_
