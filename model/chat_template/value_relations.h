// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_VALUE_RELATIONS_H_
#define COHORT_MODEL_CHAT_TEMPLATE_VALUE_RELATIONS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "model/chat_template/render_budget.h"
#include "model/chat_template/value.h"

namespace cohort::model::chat_template {

// How values relate, as in Python. INVALID_ARGUMENT where Python raises; RESOURCE_EXHAUSTED is the budget's.

// bool(value).
bool Truth(const Value& value);
// a == b.
absl::StatusOr<bool> Equal(const Value& a, const Value& b, RenderBudget* budget);
// Less than 0, 0 or more than 0 for a < b, a == b, a > b of values that have an order.
absl::StatusOr<int> Order(const Value& a, const Value& b, RenderBudget* budget);
// `name` is one of == != < <= > >= in "not in".
absl::StatusOr<bool> Compare(std::string_view name, const Value& a, const Value& b, RenderBudget* budget);
// item in container.
absl::StatusOr<bool> Contains(const Value& container, const Value& item, RenderBudget* budget);
// len(value).
absl::StatusOr<int64_t> Length(const Value& value);
// list(value). An iterator is spent by it.
absl::StatusOr<std::vector<Value>> ItemsOf(const Value& value, RenderBudget* budget);
// Byte offset of `needle` in `text` at or behind `from`, or npos. Linear.
size_t FindText(std::string_view text, std::string_view needle, size_t from);
// "'name' is undefined", for a value that is.
absl::Status UndefinedError(const Value& value);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_VALUE_RELATIONS_H_
