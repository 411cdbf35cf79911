// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_METHODS_H_
#define COHORT_MODEL_CHAT_TEMPLATE_METHODS_H_

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/chat_template/call.h"
#include "model/chat_template/value.h"

namespace cohort::model::chat_template {

using Method = absl::StatusOr<Value> (*)(const Value& self, const CallArguments& arguments, RenderBudget* budget);

// The method of a string, list, tuple or dict as a value that can be called; nothing when Python has none of that name.
// A method that changes a value, which the sandbox forbids, is an undefined value. The call of one that is not
// supported is UNIMPLEMENTED.
std::optional<Value> FindMethod(const Value& self, std::string_view name);

// The supported ones, or null.
Method FindStringMethod(std::string_view name);
Method FindStringSearchMethod(std::string_view name);
Method FindDictMethod(std::string_view name);
Method FindListMethod(std::string_view name);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_METHODS_H_
