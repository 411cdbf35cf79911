// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_VALUE_ARITHMETIC_H_
#define COHORT_MODEL_CHAT_TEMPLATE_VALUE_ARITHMETIC_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "model/chat_template/render_budget.h"
#include "model/chat_template/value.h"

namespace cohort::model::chat_template {

// Operators as in Python, on integers of 64 bits. INVALID_ARGUMENT where Python raises and where a result needs more
// than 64 bits; RESOURCE_EXHAUSTED is the budget's.

// `name` is one of + - * / // % **.
absl::StatusOr<Value> Calculate(std::string_view name, const Value& a, const Value& b, RenderBudget* budget);
// `name` is + or -.
absl::StatusOr<Value> Signed(std::string_view name, const Value& value);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_VALUE_ARITHMETIC_H_
