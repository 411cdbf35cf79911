// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/methods.h"

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::model::chat_template {
namespace {

constexpr std::array<std::string_view, 13> kUnsupportedOfStrings = {
    "casefold",    "encode",  "expandtabs", "format_map", "isdecimal", "isidentifier", "isnumeric",
    "isprintable", "istitle", "maketrans",  "swapcase",   "translate", "isascii"};
constexpr std::array<std::string_view, 8> kChangeLists = {"append", "clear",  "extend",  "insert",
                                                          "pop",    "remove", "reverse", "sort"};
constexpr std::array<std::string_view, 5> kChangeDicts = {"clear", "pop", "popitem", "setdefault", "update"};

template <typename Names>
bool Has(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Value Refusing(const Value& self, std::string_view name) {
  const absl::Status status =
      absl::UnimplementedError(absl::StrCat(TypeName(self), ".", std::string(name), " is not supported"));
  return MakeFunction([status](const CallArguments&, const CallEnvironment&) { return status; });
}

Value Bound(const Value& self, Method method) {
  const auto call = [self, method](const CallArguments& arguments,
                                   const CallEnvironment& environment) -> absl::StatusOr<Value> {
    COHORT_RETURN_IF_ERROR(ScanTexts(self, arguments, environment.budget));
    return method(self, arguments, environment.budget);
  };
  return MakeFunction(call, self.depth() + 1);
}

}  // namespace

std::optional<Value> FindMethod(const Value& self, std::string_view name) {
  Method method = nullptr;
  bool is_unsupported = false;
  bool is_unsafe = false;
  if (self.IsString()) {
    method = FindStringMethod(name);
    if (method == nullptr) method = FindStringSearchMethod(name);
    is_unsupported = Has(kUnsupportedOfStrings, name);
  } else if (self.Is(Value::Kind::kDict)) {
    method = FindDictMethod(name);
    is_unsafe = Has(kChangeDicts, name);
    is_unsupported = name == "fromkeys";
  } else if (self.Is(Value::Kind::kList) || self.Is(Value::Kind::kTuple)) {
    method = FindListMethod(name);
    is_unsafe = self.Is(Value::Kind::kList) && Has(kChangeLists, name);
    if (name == "copy" && self.Is(Value::Kind::kTuple)) method = nullptr;
  }
  if (method != nullptr) return Bound(self, method);
  if (is_unsafe) {
    return Value::Undefined(absl::StrCat(TypeName(self), ".", std::string(name), " changes a value, which is unsafe"));
  }
  if (is_unsupported) return Refusing(self, name);
  return std::nullopt;
}

}  // namespace cohort::model::chat_template
