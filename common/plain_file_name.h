// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_PLAIN_FILE_NAME_H_
#define COHORT_COMMON_PLAIN_FILE_NAME_H_

#include <string_view>

namespace cohort::common {

// Whether a name that somebody else sent names a file inside of whatever folder it is put behind: it is not empty, not
// "." or "..", at most 255 bytes, UTF-8, and has neither slash, backslash nor control character. Pure.
bool IsPlainFileName(std::string_view name);

}  // namespace cohort::common

#endif  // COHORT_COMMON_PLAIN_FILE_NAME_H_
