// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_VALUE_TEXT_H_
#define COHORT_MODEL_CHAT_TEMPLATE_VALUE_TEXT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/chat_template/render_budget.h"
#include "model/chat_template/value.h"

namespace cohort::model::chat_template {

// Values as Python prints them. UNIMPLEMENTED for what Python prints with an address (iterators, functions).

// str(value): what {{ }} prints.
absl::StatusOr<std::string> Str(const Value& value, RenderBudget* budget);
// repr(value): what a list prints of its items.
absl::StatusOr<std::string> Repr(const Value& value, RenderBudget* budget);
// repr of a float: the shortest digits that give it back.
std::string FloatText(double number);
// repr of a string.
std::string QuotedText(std::string_view text);
// As markupsafe.escape.
std::string HtmlEscaped(std::string_view text);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_VALUE_TEXT_H_
