// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_PRINTF_FORMAT_H_
#define COHORT_MODEL_CHAT_TEMPLATE_PRINTF_FORMAT_H_

#include <vector>

#include "absl/status/statusor.h"
#include "model/chat_template/render_budget.h"
#include "model/chat_template/value.h"

namespace cohort::model::chat_template {

// format % arguments, as in Python: the conversions s, r, d, i, x, X, o, f, e, g and %, with flags, width and
// precision;
// %(name)s reads from `mapping`. UNIMPLEMENTED for other conversions, INVALID_ARGUMENT where Python raises.
absl::StatusOr<Value> PrintfFormat(const Value& format, const std::vector<Value>& arguments, const Value& mapping,
                                   RenderBudget* budget);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_PRINTF_FORMAT_H_
