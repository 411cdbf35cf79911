// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_TOKEN_TEXT_H_
#define COHORT_COMMON_SECURITY_TOKEN_TEXT_H_

#include <string_view>

#include "absl/status/status.h"

namespace cohort::security {

// Whether a text can be a bearer token: the characters of RFC 6750 (letters, digits, - . _ ~ + / and = at the end), at
// most 512, and long enough to hold 128 random bits: 32 characters when all are hex digits, else 22. `openssl rand -hex
// 32` makes one. INVALID_ARGUMENT says what is wrong without any part of the text. Pure.
absl::Status CheckTokenText(std::string_view token);

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_TOKEN_TEXT_H_
