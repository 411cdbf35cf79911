// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_SUBSCRIPTS_H_
#define COHORT_MODEL_CHAT_TEMPLATE_SUBSCRIPTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/chat_template/render_budget.h"
#include "model/chat_template/value.h"

namespace cohort::model::chat_template {

// Reading of parts, as the sandbox of jinja2 does. What is not there is an undefined value; INVALID_ARGUMENT for parts
// of an undefined value.

// value.name: an attribute or method first, then an item.
absl::StatusOr<Value> AttributeOf(const Value& value, const std::string& name, RenderBudget* budget);
// value[key]: an item first, then an attribute or method.
absl::StatusOr<Value> ItemOf(const Value& value, const Value& key, RenderBudget* budget);
// value[start:stop:step]; None for a part that is absent. INVALID_ARGUMENT for what cannot be sliced.
absl::StatusOr<Value> SliceOf(const Value& value, const std::vector<Value>& bounds, RenderBudget* budget);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_SUBSCRIPTS_H_
