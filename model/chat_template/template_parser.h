// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_TEMPLATE_PARSER_H_
#define COHORT_MODEL_CHAT_TEMPLATE_TEMPLATE_PARSER_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "model/chat_template/syntax_tree.h"

namespace cohort::model::chat_template {

// The statements of a template. INVALID_ARGUMENT is "line:column: why": malformed, nested too deeply, not UTF-8, or a
// tag that is not supported (named). Pure.
absl::StatusOr<Body> ParseTemplate(std::string_view source);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_TEMPLATE_PARSER_H_
