// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "model/chat_template/attribute_path.h"
#include "model/chat_template/filters.h"
#include "model/chat_template/methods.h"
#include "model/chat_template/subscripts.h"
#include "model/chat_template/unicode.h"
#include "model/chat_template/value_arithmetic.h"
#include "model/chat_template/value_relations.h"
#include "model/chat_template/value_text.h"

namespace cohort::model::chat_template {
namespace {

using Arguments = CallArguments;
using Result = absl::StatusOr<Value>;

constexpr int64_t kMaxBatch = 100'000;

Result LengthFilter(const Value& input, const Arguments& arguments, const CallEnvironment&) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  COHORT_ASSIGN_OR_RETURN(const int64_t length, Length(input));
  return Value::Integer(length);
}

Result DefaultFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"default_value", "boolean"}));
  if (!input.IsUndefined() && !(TruthOr(bound[1], false) && !Truth(input))) return input;
  if (bound[0] != nullptr) return *bound[0];
  return environment.budget->String("");
}

Result JoinFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  RenderBudget* const budget = environment.budget;
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"d", "attribute"}));
  std::string separator;
  if (bound[0] != nullptr) {
    COHORT_ASSIGN_OR_RETURN(separator, Str(*bound[0], budget));
  }
  COHORT_ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(input, budget));
  std::string joined;
  for (size_t i = 0; i < items.size(); ++i) {
    COHORT_ASSIGN_OR_RETURN(const Value item, FollowPath(items[i], bound[1], nullptr, budget));
    COHORT_ASSIGN_OR_RETURN(const std::string text, Str(item, budget));
    COHORT_RETURN_IF_ERROR(budget->Reserve(static_cast<int64_t>(separator.size())));
    if (i > 0) joined += separator;
    joined += text;
  }
  return budget->String(std::move(joined));
}

Result FirstFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  COHORT_ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(input, environment.budget));
  return items.empty() ? Value::Undefined("No first item, sequence was empty.") : items.front();
}

Result LastFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  if (input.Is(Value::Kind::kIterator)) return absl::InvalidArgumentError("a generator has no last item");
  COHORT_ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(input, environment.budget));
  return items.empty() ? Value::Undefined("No last item, sequence was empty.") : items.back();
}

Result ListFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  COHORT_ASSIGN_OR_RETURN(std::vector<Value> items, ItemsOf(input, environment.budget));
  return environment.budget->Sequence(Value::Kind::kList, std::move(items));
}

Result ReverseFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  RenderBudget* const budget = environment.budget;
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  if (input.IsString()) {
    COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(input.text().size()) * 8));
    const auto characters = Characters(input.text());
    std::string reversed;
    for (auto character = characters.rbegin(); character != characters.rend(); ++character) reversed += *character;
    return budget->String(std::move(reversed), input.is_markup());
  }
  const bool is_iterator = input.Is(Value::Kind::kIterator);
  COHORT_ASSIGN_OR_RETURN(std::vector<Value> items, ItemsOf(input, budget));
  std::reverse(items.begin(), items.end());
  return budget->Sequence(is_iterator ? Value::Kind::kList : Value::Kind::kIterator, std::move(items));
}

Result ItemsFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  if (input.IsUndefined()) return environment.budget->Sequence(Value::Kind::kIterator, {});
  if (!input.Is(Value::Kind::kDict)) return absl::InvalidArgumentError("needs a mapping");
  COHORT_ASSIGN_OR_RETURN(const Value view, FindDictMethod("items")(input, {}, environment.budget));
  return environment.budget->Sequence(Value::Kind::kIterator, view.items());
}

Result BatchFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  RenderBudget* const budget = environment.budget;
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"linecount", "fill_with"}));
  COHORT_RETURN_IF_ERROR(Require(bound[0], "linecount"));
  COHORT_ASSIGN_OR_RETURN(const int64_t count, IntegerOr(bound[0], 0, "linecount"));
  COHORT_ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(input, budget));
  if (count < 1 || count > kMaxBatch) return absl::UnimplementedError("linecount must be from 1 to 100000");
  std::vector<Value> batches;
  for (size_t start = 0; start < items.size(); start += static_cast<size_t>(count)) {
    const size_t end = std::min(items.size(), start + static_cast<size_t>(count));
    std::vector<Value> batch(items.begin() + static_cast<int64_t>(start), items.begin() + static_cast<int64_t>(end));
    if (bound[1] != nullptr && !bound[1]->IsNone()) batch.resize(static_cast<size_t>(count), *bound[1]);
    COHORT_ASSIGN_OR_RETURN(Value list, budget->Sequence(Value::Kind::kList, std::move(batch)));
    batches.push_back(std::move(list));
  }
  return budget->Sequence(Value::Kind::kIterator, std::move(batches));
}

Result SliceFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  RenderBudget* const budget = environment.budget;
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"slices", "fill_with"}));
  COHORT_RETURN_IF_ERROR(Require(bound[0], "slices"));
  COHORT_ASSIGN_OR_RETURN(const int64_t count, IntegerOr(bound[0], 0, "slices"));
  COHORT_ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(input, budget));
  if (count < 1 || count > kMaxBatch) return absl::UnimplementedError("slices must be from 1 to 100000");
  const auto size = static_cast<int64_t>(items.size());
  std::vector<Value> slices;
  auto next = items.begin();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t length = size / count + (i < size % count ? 1 : 0);
    std::vector<Value> slice(next, next + length);
    next += length;
    if (bound[1] != nullptr && !bound[1]->IsNone() && i >= size % count) slice.push_back(*bound[1]);
    COHORT_ASSIGN_OR_RETURN(Value list, budget->Sequence(Value::Kind::kList, std::move(slice)));
    slices.push_back(std::move(list));
  }
  return budget->Sequence(Value::Kind::kIterator, std::move(slices));
}

Result SumFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  RenderBudget* const budget = environment.budget;
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"attribute", "start"}));
  Value sum = bound[1] == nullptr ? Value::Integer(0) : *bound[1];
  if (sum.IsString()) return absl::InvalidArgumentError("strings cannot be summed");
  COHORT_ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(input, budget));
  for (const Value& item : items) {
    COHORT_ASSIGN_OR_RETURN(const Value term, FollowPath(item, bound[0], nullptr, budget));
    COHORT_ASSIGN_OR_RETURN(sum, Calculate("+", sum, term, budget));
  }
  return sum;
}

Result AttrFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"name"}));
  COHORT_RETURN_IF_ERROR(Require(bound[0], "name"));
  COHORT_ASSIGN_OR_RETURN(const std::string name, TextOr(bound[0], "", "name"));
  const bool is_entry = input.Is(Value::Kind::kDict) && !FindMethod(input, name).has_value();
  if (is_entry) return Value::Undefined(absl::StrCat("'dict' has no attribute '", name, "'"));
  return AttributeOf(input, name, environment.budget);
}

}  // namespace

CallEnvironment::Filter FindSequenceFilter(std::string_view name) {
  static constexpr std::pair<std::string_view, CallEnvironment::Filter> kFilters[] = {
      {"attr", AttrFilter},       {"batch", BatchFilter},   {"count", LengthFilter}, {"d", DefaultFilter},
      {"default", DefaultFilter}, {"first", FirstFilter},   {"items", ItemsFilter},  {"join", JoinFilter},
      {"last", LastFilter},       {"length", LengthFilter}, {"list", ListFilter},    {"reverse", ReverseFilter},
      {"slice", SliceFilter},     {"sum", SumFilter},
  };
  for (const auto& [known, filter] : kFilters) {
    if (known == name) return filter;
  }
  return nullptr;
}

}  // namespace cohort::model::chat_template
