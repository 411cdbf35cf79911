// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_CHAT_MESSAGES_H_
#define COHORT_MODEL_CHAT_TEMPLATE_CHAT_MESSAGES_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/chat_template/render_budget.h"
#include "model/chat_template/value.h"

namespace cohort::model::chat_template {

// Messages as transformers hands them to a template: keys without a value are dropped, and the thoughts of a message
// are found under `thinking` and `reasoning_content` whichever of these and `reasoning` they came under.
// INVALID_ARGUMENT unless they are a list of objects, at least one, each with a string as its role.
absl::StatusOr<Value> NormalizeMessages(const Value& messages, RenderBudget* budget);

// INVALID_ARGUMENT unless tools are None or a list of objects.
absl::Status CheckTools(const Value& tools);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_CHAT_MESSAGES_H_
