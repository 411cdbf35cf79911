// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_STR_FORMAT_H_
#define COHORT_MODEL_CHAT_TEMPLATE_STR_FORMAT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/chat_template/call.h"
#include "model/chat_template/render_budget.h"
#include "model/chat_template/value.h"

namespace cohort::model::chat_template {

// str.format for fields without format specifications: {}, {0}, {name}, and {{ for a brace. UNIMPLEMENTED for others.
absl::StatusOr<Value> StrFormat(const Value& format, const CallArguments& arguments, RenderBudget* budget);

struct Replacement {
  std::string_view text;
  std::string_view old;
  std::string_view by;
  int64_t most = -1;  // negative: all
};

// str.replace.
absl::StatusOr<std::string> ReplaceText(const Replacement& replacement, RenderBudget* budget);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_STR_FORMAT_H_
