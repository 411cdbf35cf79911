// SPDX-License-Identifier: Apache-2.0
// Methods of dict and list that the sandbox allows.
#include <string>
#include <utility>
#include <vector>

#include "common/status_macros.h"
#include "model/chat_template/methods.h"
#include "model/chat_template/value_relations.h"

namespace cohort::model::chat_template {
namespace {

using Arguments = CallArguments;
using Result = absl::StatusOr<Value>;

Result Get(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  if (!arguments.named.empty()) return absl::InvalidArgumentError("dict.get takes no named arguments");
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"key", "default"}));
  COHORT_RETURN_IF_ERROR(Require(bound[0], "key"));
  COHORT_ASSIGN_OR_RETURN(const std::string key, budget->KeyOf(*bound[0]));
  const Dict& dict = self.object<Dict>();
  const auto found = dict.index.find(key);
  if (found != dict.index.end()) return dict.entries[found->second].second;
  return bound[1] == nullptr ? Value() : *bound[1];
}

Result Entries(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  std::vector<Value> items;
  for (const auto& [key, value] : self.object<Dict>().entries) {
    COHORT_ASSIGN_OR_RETURN(Value item, budget->Sequence(Value::Kind::kTuple, {key, value}));
    items.push_back(std::move(item));
  }
  return budget->Sequence(Value::Kind::kView, std::move(items), "dict_items");
}

template <bool kKeys>
Result Parts(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  std::vector<Value> parts;
  for (const auto& [key, value] : self.object<Dict>().entries) parts.push_back(kKeys ? key : value);
  return budget->Sequence(Value::Kind::kView, std::move(parts), kKeys ? "dict_keys" : "dict_values");
}

Result Copy(const Value& self, const Arguments& arguments, RenderBudget*) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  return self;
}

Result Index(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"value"}));
  COHORT_RETURN_IF_ERROR(Require(bound[0], "value"));
  for (size_t i = 0; i < self.items().size(); ++i) {
    COHORT_ASSIGN_OR_RETURN(const bool is_equal, Equal(self.items()[i], *bound[0], budget));
    if (is_equal) return Value::Integer(static_cast<int64_t>(i));
  }
  return absl::InvalidArgumentError("the value is not in the list");
}

Result Count(const Value& self, const Arguments& arguments, RenderBudget* budget) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"value"}));
  COHORT_RETURN_IF_ERROR(Require(bound[0], "value"));
  int64_t count = 0;
  for (const Value& item : self.items()) {
    COHORT_ASSIGN_OR_RETURN(const bool is_equal, Equal(item, *bound[0], budget));
    if (is_equal) ++count;
  }
  return Value::Integer(count);
}

}  // namespace

Method FindDictMethod(std::string_view name) {
  if (name == "get") return Get;
  if (name == "items") return Entries;
  if (name == "keys") return Parts<true>;
  if (name == "values") return Parts<false>;
  return name == "copy" ? Copy : nullptr;
}

Method FindListMethod(std::string_view name) {
  if (name == "index") return Index;
  if (name == "count") return Count;
  return name == "copy" ? Copy : nullptr;
}

}  // namespace cohort::model::chat_template
