// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_GLOBALS_H_
#define COHORT_MODEL_CHAT_TEMPLATE_GLOBALS_H_

#include <string>

#include "absl/status/status.h"
#include "model/chat_template/scope.h"

namespace cohort::model::chat_template {

// INVALID_ARGUMENT unless `date` is empty or a day as "2024-07-26".
absl::Status CheckDate(const std::string& date);

// Sets the functions that every template can call: range, dict, namespace, raise_exception and, with a `date` that
// CheckDate takes, strftime_now, which tells that day at midnight.
void SetGlobals(const std::string& date, Scope* scope);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_GLOBALS_H_
