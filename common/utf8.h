// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_UTF8_H_
#define COHORT_COMMON_UTF8_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace cohort::common {

// Untrusted bytes as text for an error or a log: valid UTF-8 stays, control characters and broken UTF-8 become \xNN,
// and what would exceed `max_bytes` is cut at a character and ends in "...".
std::string Printable(std::string_view bytes, size_t max_bytes);

// Bytes of the valid UTF-8 character that `bytes` starts with, 1 to 4; 0 if there is none. Overlong forms, surrogates
// and code points above U+10FFFF are not valid.
size_t LeadingUtf8Character(std::string_view bytes);

bool IsValidUtf8(std::string_view bytes);

// Whether there is a control character U+0080 to U+009F: valid UTF-8 that some terminals obey.
bool HasC1Control(std::string_view bytes);

}  // namespace cohort::common

#endif  // COHORT_COMMON_UTF8_H_
