// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_STRING_LITERAL_H_
#define COHORT_MODEL_CHAT_TEMPLATE_STRING_LITERAL_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace cohort::model::chat_template {

// The text between the quotes of a string literal, its escapes resolved as jinja2 does (Python's unicode-escape).
// INVALID_ARGUMENT for a malformed escape, a surrogate, \N{...}. Pure.
absl::StatusOr<std::string> Unescape(std::string_view literal);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_STRING_LITERAL_H_
