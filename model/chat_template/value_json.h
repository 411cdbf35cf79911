// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_VALUE_JSON_H_
#define COHORT_MODEL_CHAT_TEMPLATE_VALUE_JSON_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/chat_template/render_budget.h"
#include "model/chat_template/value.h"

namespace cohort::model::chat_template {

// The keyword arguments of json.dumps that the filter `tojson` of transformers passes on.
struct JsonStyle {
  bool ensure_ascii = false;
  bool is_indented = false;
  std::string indent;  // of one level
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};

// One JSON document as Python's json.loads reads it: keys keep their order, the last of equal keys holds.
// INVALID_ARGUMENT for malformed text and for integers of more than 64 bits; depth and size are the budget's.
absl::StatusOr<Value> ParseJsonValue(std::string_view text, RenderBudget* budget);

// As json.dumps. INVALID_ARGUMENT for what is not serialisable.
absl::StatusOr<std::string> JsonText(const Value& value, const JsonStyle& style, RenderBudget* budget);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_VALUE_JSON_H_
