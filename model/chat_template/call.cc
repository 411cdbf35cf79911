// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/call.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "model/chat_template/value_relations.h"

namespace cohort::model::chat_template {

CallArguments CallArguments::Without(size_t count) const {
  CallArguments rest = *this;
  rest.positional.erase(rest.positional.begin(),
                        rest.positional.begin() + static_cast<int64_t>(std::min(count, rest.positional.size())));
  return rest;
}

Value MakeFunction(FunctionCallable::Function function, int depth) {
  return Value(Value::Kind::kCallable, std::make_shared<FunctionCallable>(std::move(function), depth));
}

absl::Status ScanTexts(const Value& self, const CallArguments& arguments, RenderBudget* budget) {
  const auto scan = [&](const Value& value) {
    return value.IsString() ? budget->Scan(static_cast<int64_t>(value.text().size())) : absl::OkStatus();
  };
  absl::Status status = scan(self);
  for (const Value& value : arguments.positional) status.Update(scan(value));
  for (const auto& [name, value] : arguments.named) status.Update(scan(value));
  return status;
}

absl::StatusOr<std::vector<const Value*>> Bind(const CallArguments& arguments,
                                               std::initializer_list<const char*> names) {
  std::vector<const Value*> bound(names.size(), nullptr);
  if (arguments.positional.size() > names.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("takes at most ", names.size(), " arguments, not ", arguments.positional.size()));
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) bound[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto found = std::find_if(names.begin(), names.end(), [&](const char* known) { return name == known; });
    if (found == names.end()) return absl::InvalidArgumentError(absl::StrCat("takes no argument '", name, "'"));
    const Value*& slot = bound[found - names.begin()];
    if (slot != nullptr) return absl::InvalidArgumentError(absl::StrCat("argument '", name, "' is given twice"));
    slot = &value;
  }
  return bound;
}

absl::StatusOr<int64_t> IntegerOr(const Value* value, int64_t fallback, const char* what) {
  if (value == nullptr) return fallback;
  if (value->IsInteger()) return value->integer();
  if (value->IsUndefined()) return UndefinedError(*value);
  return absl::InvalidArgumentError(absl::StrCat(what, " must be an integer, not ", TypeName(*value)));
}

absl::StatusOr<std::string> TextOr(const Value* value, std::string_view fallback, const char* what) {
  if (value == nullptr) return std::string(fallback);
  if (value->IsString()) return value->text();
  if (value->IsUndefined()) return UndefinedError(*value);
  return absl::InvalidArgumentError(absl::StrCat(what, " must be a string, not ", TypeName(*value)));
}

bool TruthOr(const Value* value, bool fallback) { return value == nullptr ? fallback : Truth(*value); }

absl::Status Require(const Value* value, const char* what) {
  if (value != nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("argument '", what, "' is missing"));
}

}  // namespace cohort::model::chat_template
