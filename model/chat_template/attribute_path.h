// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_ATTRIBUTE_PATH_H_
#define COHORT_MODEL_CHAT_TEMPLATE_ATTRIBUTE_PATH_H_

#include "absl/status/statusor.h"
#include "model/chat_template/render_budget.h"
#include "model/chat_template/value.h"

namespace cohort::model::chat_template {

// How filters read the part of an item that their argument `attribute` names: "a.b.0" is item["a"]["b"][0]. Null or
// None is the item itself. `fallback`, unless null or None, takes the place of what is undefined.
absl::StatusOr<Value> FollowPath(const Value& item, const Value* attribute, const Value* fallback,
                                 RenderBudget* budget);

// Strings in lower case, other values as they are.
absl::StatusOr<Value> IgnoreCase(const Value& value, RenderBudget* budget);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_ATTRIBUTE_PATH_H_
