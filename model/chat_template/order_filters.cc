// SPDX-License-Identifier: Apache-2.0
// Filters that compare items.
#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "common/status_macros.h"
#include "model/chat_template/attribute_path.h"
#include "model/chat_template/filters.h"
#include "model/chat_template/methods.h"
#include "model/chat_template/value_relations.h"

namespace cohort::model::chat_template {
namespace {

using Arguments = CallArguments;
using Result = absl::StatusOr<Value>;

struct Keyed {
  Value key;
  Value item;
};

// Stable. A comparison can fail, which std::sort could not bear.
absl::Status MergeSort(bool is_descending, RenderBudget* budget, std::vector<Keyed>* items) {
  std::vector<Keyed> merged(items->size());
  for (size_t width = 1; width < items->size(); width *= 2) {
    for (size_t start = 0; start < items->size(); start += 2 * width) {
      size_t left = start, right = std::min(start + width, items->size());
      const size_t middle = right, end = std::min(start + 2 * width, items->size());
      for (size_t to = start; to < end; ++to) {
        bool takes_right = left == middle;
        if (!takes_right && right < end) {
          COHORT_ASSIGN_OR_RETURN(const int order, Order((*items)[right].key, (*items)[left].key, budget));
          takes_right = is_descending ? order > 0 : order < 0;
        }
        merged[to] = (*items)[takes_right ? right++ : left++];
      }
    }
    items->swap(merged);
  }
  return absl::OkStatus();
}

Result SortedItems(std::vector<Keyed> items, bool is_descending, RenderBudget* budget) {
  COHORT_RETURN_IF_ERROR(budget->Reserve(static_cast<int64_t>(items.size() * sizeof(Keyed)) * 2));
  COHORT_RETURN_IF_ERROR(MergeSort(is_descending, budget, &items));
  std::vector<Value> sorted;
  for (Keyed& keyed : items) sorted.push_back(std::move(keyed.item));
  return budget->Sequence(Value::Kind::kList, std::move(sorted));
}

Result KeyOfItem(const Value& item, const Value* attribute, bool is_case_sensitive, RenderBudget* budget) {
  COHORT_ASSIGN_OR_RETURN(Value key, FollowPath(item, attribute, nullptr, budget));
  return is_case_sensitive ? key : IgnoreCase(key, budget);
}

// The parts of an item that are named with commas between, as a list.
Result KeyOfItems(const Value& item, const Value* attribute, bool is_case_sensitive, RenderBudget* budget) {
  std::vector<Value> keys;
  if (attribute == nullptr || !attribute->IsString()) {
    COHORT_ASSIGN_OR_RETURN(Value key, KeyOfItem(item, attribute, is_case_sensitive, budget));
    keys.push_back(std::move(key));
    return budget->Sequence(Value::Kind::kList, std::move(keys));
  }
  for (const absl::string_view piece : absl::StrSplit(attribute->text(), ',', absl::AllowEmpty())) {
    const std::string part(piece);
    COHORT_ASSIGN_OR_RETURN(const Value name, budget->String(part));
    COHORT_ASSIGN_OR_RETURN(Value key, KeyOfItem(item, &name, is_case_sensitive, budget));
    keys.push_back(std::move(key));
  }
  return budget->Sequence(Value::Kind::kList, std::move(keys));
}

Result SortFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  RenderBudget* const budget = environment.budget;
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"reverse", "case_sensitive", "attribute"}));
  COHORT_ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(input, budget));
  std::vector<Keyed> keyed;
  for (const Value& item : items) {
    COHORT_ASSIGN_OR_RETURN(Value key, KeyOfItems(item, bound[2], TruthOr(bound[1], false), budget));
    keyed.push_back({std::move(key), item});
  }
  return SortedItems(std::move(keyed), TruthOr(bound[0], false), budget);
}

Result DictSortFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  RenderBudget* const budget = environment.budget;
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"case_sensitive", "by", "reverse"}));
  COHORT_ASSIGN_OR_RETURN(const std::string by, TextOr(bound[1], "key", "by"));
  if (by != "key" && by != "value") return absl::InvalidArgumentError("by must be key or value");
  if (input.IsUndefined()) return UndefinedError(input);
  if (!input.Is(Value::Kind::kDict)) return absl::InvalidArgumentError("needs a mapping");
  COHORT_ASSIGN_OR_RETURN(const Value view, FindDictMethod("items")(input, {}, budget));
  std::vector<Keyed> keyed;
  for (const Value& item : view.items()) {
    Value key = item.items()[by == "key" ? 0 : 1];
    if (!TruthOr(bound[0], false)) {
      COHORT_ASSIGN_OR_RETURN(key, IgnoreCase(key, budget));
    }
    keyed.push_back({std::move(key), item});
  }
  return SortedItems(std::move(keyed), TruthOr(bound[2], false), budget);
}

Result UniqueFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  RenderBudget* const budget = environment.budget;
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"case_sensitive", "attribute"}));
  COHORT_ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(input, budget));
  std::set<std::string> seen;
  std::vector<Value> unique;
  for (const Value& item : items) {
    COHORT_ASSIGN_OR_RETURN(const Value key, KeyOfItem(item, bound[1], TruthOr(bound[0], false), budget));
    COHORT_ASSIGN_OR_RETURN(std::string name, budget->KeyOf(key));
    COHORT_RETURN_IF_ERROR(budget->Reserve(static_cast<int64_t>(name.size() + 2 * sizeof(Value))));
    if (seen.insert(std::move(name)).second) unique.push_back(item);
  }
  return budget->Sequence(Value::Kind::kIterator, std::move(unique));
}

Result Extreme(const Value& input, const Arguments& arguments, const CallEnvironment& environment, int wanted) {
  RenderBudget* const budget = environment.budget;
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"case_sensitive", "attribute"}));
  COHORT_ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(input, budget));
  if (items.empty()) return Value::Undefined("No aggregated item, sequence was empty.");
  Keyed best;
  for (size_t i = 0; i < items.size(); ++i) {
    COHORT_ASSIGN_OR_RETURN(Value key, KeyOfItem(items[i], bound[1], TruthOr(bound[0], false), budget));
    int order = wanted;
    if (i > 0) {
      COHORT_ASSIGN_OR_RETURN(order, Order(key, best.key, budget));
    }
    if (order * wanted > 0) best = {std::move(key), items[i]};
  }
  return best.item;
}

Result MinFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  return Extreme(input, arguments, environment, -1);
}
Result MaxFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  return Extreme(input, arguments, environment, 1);
}

}  // namespace

CallEnvironment::Filter FindOrderFilter(std::string_view name) {
  if (name == "sort") return SortFilter;
  if (name == "dictsort") return DictSortFilter;
  if (name == "unique") return UniqueFilter;
  if (name == "min") return MinFilter;
  return name == "max" ? MaxFilter : nullptr;
}

}  // namespace cohort::model::chat_template
