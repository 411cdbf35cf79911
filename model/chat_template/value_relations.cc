// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/value_relations.h"

#include <string.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "model/chat_template/unicode.h"

namespace cohort::model::chat_template {
namespace {

template <typename T>
int Sign(const T& a, const T& b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

int OrderNumbers(const Value& a, const Value& b) {
  if (a.IsInteger() && b.IsInteger()) return Sign(a.integer(), b.integer());
  // A long double holds every int64.
  const auto wide = [](const Value& value) {
    return value.IsInteger() ? static_cast<long double>(value.integer()) : static_cast<long double>(value.number());
  };
  return Sign(wide(a), wide(b));
}

absl::StatusOr<bool> EqualItems(const std::vector<Value>& a, const std::vector<Value>& b, RenderBudget* budget) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    COHORT_ASSIGN_OR_RETURN(const bool is_equal, Equal(a[i], b[i], budget));
    if (!is_equal) return false;
  }
  return true;
}

absl::StatusOr<bool> EqualDicts(const Dict& a, const Dict& b, RenderBudget* budget) {
  if (a.entries.size() != b.entries.size()) return false;
  for (const auto& [key, at] : a.index) {
    const auto found = b.index.find(key);
    if (found == b.index.end()) return false;
    COHORT_ASSIGN_OR_RETURN(const bool is_equal, Equal(a.entries[at].second, b.entries[found->second].second, budget));
    if (!is_equal) return false;
  }
  return true;
}

bool EqualRanges(const Range& a, const Range& b) {
  const int64_t size = a.Size();
  return size == b.Size() && (size == 0 || (a.start == b.start && (size == 1 || a.step == b.step)));
}

absl::Status Unordered(const Value& a, const Value& b) {
  for (const Value* value : {&a, &b}) {
    if (value->IsUndefined()) return UndefinedError(*value);
  }
  return absl::InvalidArgumentError(absl::StrCat("no order between '", TypeName(a), "' and '", TypeName(b), "'"));
}

absl::StatusOr<bool> ContainsText(const Value& container, const Value& item, RenderBudget* budget) {
  if (!item.IsString()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'in' of a string needs a string on its left, not ", TypeName(item)));
  }
  COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(container.text().size())));
  return FindText(container.text(), item.text(), 0) != std::string::npos;
}

}  // namespace

absl::Status UndefinedError(const Value& value) { return absl::InvalidArgumentError(value.text()); }

size_t FindText(std::string_view text, std::string_view needle, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (needle.empty()) return from;
  const void* const found = memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  return found == nullptr ? std::string_view::npos : static_cast<const char*>(found) - text.data();
}

bool Truth(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNone:
    case Value::Kind::kUndefined:
      return false;
    case Value::Kind::kBool:
    case Value::Kind::kInteger:
      return value.integer() != 0;
    case Value::Kind::kFloat:
      return value.number() != 0;
    case Value::Kind::kString:
      return !value.text().empty();
    case Value::Kind::kList:
    case Value::Kind::kTuple:
    case Value::Kind::kView:
      return !value.items().empty();
    case Value::Kind::kDict:
      return !value.object<Dict>().entries.empty();
    case Value::Kind::kRange:
      return value.object<Range>().Size() > 0;
    default:
      return true;
  }
}

absl::StatusOr<bool> Equal(const Value& a, const Value& b, RenderBudget* budget) {
  COHORT_RETURN_IF_ERROR(budget->Step());
  if (a.IsNumber() && b.IsNumber())
    return OrderNumbers(a, b) == 0 && a.number() == a.number() && b.number() == b.number();
  if (a.kind() != b.kind()) return false;
  if (a.IsNone() || a.IsUndefined() || a.identity() == b.identity()) return true;
  switch (a.kind()) {
    case Value::Kind::kString:
      COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(a.text().size())));
      return a.text() == b.text();
    case Value::Kind::kList:
    case Value::Kind::kTuple:
      return EqualItems(a.items(), b.items(), budget);
    case Value::Kind::kDict:
      return EqualDicts(a.object<Dict>(), b.object<Dict>(), budget);
    case Value::Kind::kRange:
      return EqualRanges(a.object<Range>(), b.object<Range>());
    default:
      return false;
  }
}

absl::StatusOr<int> Order(const Value& a, const Value& b, RenderBudget* budget) {
  COHORT_RETURN_IF_ERROR(budget->Step());
  if (a.IsNumber() && b.IsNumber()) return OrderNumbers(a, b);
  if (a.kind() != b.kind()) return Unordered(a, b);
  if (a.IsString()) {
    COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(std::min(a.text().size(), b.text().size()))));
    return Sign(a.text().compare(b.text()), 0);  // the order of UTF-8 is that of the characters
  }
  if (!a.Is(Value::Kind::kList) && !a.Is(Value::Kind::kTuple)) return Unordered(a, b);
  for (size_t i = 0; i < std::min(a.items().size(), b.items().size()); ++i) {
    COHORT_ASSIGN_OR_RETURN(const bool is_equal, Equal(a.items()[i], b.items()[i], budget));
    if (!is_equal) return Order(a.items()[i], b.items()[i], budget);
  }
  return Sign(a.items().size(), b.items().size());
}

absl::StatusOr<bool> Compare(std::string_view name, const Value& a, const Value& b, RenderBudget* budget) {
  if (name == "in" || name == "not in") {
    COHORT_ASSIGN_OR_RETURN(const bool is_in, Contains(b, a, budget));
    return is_in == (name == "in");
  }
  if (name == "==" || name == "!=") {
    COHORT_ASSIGN_OR_RETURN(const bool is_equal, Equal(a, b, budget));
    return is_equal == (name == "==");
  }
  COHORT_ASSIGN_OR_RETURN(const int order, Order(a, b, budget));
  const bool is_nan = a.IsNumber() && (a.number() != a.number() || b.number() != b.number());
  if (is_nan) return false;
  if (name == "<") return order < 0;
  if (name == "<=") return order <= 0;
  return name == ">" ? order > 0 : order >= 0;
}

absl::StatusOr<bool> Contains(const Value& container, const Value& item, RenderBudget* budget) {
  if (container.IsString()) return ContainsText(container, item, budget);
  if (container.Is(Value::Kind::kDict)) {
    COHORT_ASSIGN_OR_RETURN(const std::string key, budget->KeyOf(item));
    return container.object<Dict>().index.count(key) > 0;
  }
  COHORT_ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(container, budget));
  for (const Value& candidate : items) {
    COHORT_ASSIGN_OR_RETURN(const bool is_equal, Equal(candidate, item, budget));
    if (is_equal) return true;
  }
  return false;
}

absl::StatusOr<int64_t> Length(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return 0;
    case Value::Kind::kString:
      return NumCharacters(value.text());
    case Value::Kind::kList:
    case Value::Kind::kTuple:
    case Value::Kind::kView:
      return static_cast<int64_t>(value.items().size());
    case Value::Kind::kDict:
      return static_cast<int64_t>(value.object<Dict>().entries.size());
    case Value::Kind::kRange:
      return value.object<Range>().Size();
    case Value::Kind::kLoop:
      return static_cast<int64_t>(value.object<Loop>().items.size());
    default:
      return absl::InvalidArgumentError(absl::StrCat("object of type '", TypeName(value), "' has no length"));
  }
}

absl::StatusOr<std::vector<Value>> ItemsOf(const Value& value, RenderBudget* budget) {
  std::vector<Value> items;
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      break;
    case Value::Kind::kList:
    case Value::Kind::kTuple:
    case Value::Kind::kView:
      items = value.items();
      break;
    case Value::Kind::kIterator: {
      auto& iterator = value.object<Items>();
      if (!iterator.is_spent) items = iterator.values;
      iterator.is_spent = true;
      break;
    }
    case Value::Kind::kString:
      COHORT_RETURN_IF_ERROR(budget->Step(static_cast<int64_t>(value.text().size())));
      for (const std::string_view character : Characters(value.text())) {
        COHORT_ASSIGN_OR_RETURN(Value item, budget->String(std::string(character)));
        items.push_back(std::move(item));
      }
      break;
    case Value::Kind::kDict:
      for (const auto& entry : value.object<Dict>().entries) items.push_back(entry.first);
      break;
    case Value::Kind::kRange: {
      const Range& range = value.object<Range>();
      for (int64_t i = 0; i < range.Size(); ++i) items.push_back(range.At(i));
      break;
    }
    default:
      return absl::InvalidArgumentError(absl::StrCat("'", TypeName(value), "' is not iterable"));
  }
  COHORT_RETURN_IF_ERROR(budget->Step(1 + static_cast<int64_t>(items.size()) / 8));
  COHORT_RETURN_IF_ERROR(budget->Reserve(static_cast<int64_t>(items.size() * sizeof(Value))));
  return items;
}

}  // namespace cohort::model::chat_template
