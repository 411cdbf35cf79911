// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/subscripts.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/chat_template/loop_attributes.h"
#include "model/chat_template/methods.h"
#include "model/chat_template/unicode.h"
#include "model/chat_template/value_relations.h"

namespace cohort::model::chat_template {
namespace {

constexpr size_t kShownBytes = 80;

Value MissingAttribute(const Value& value, const std::string& name) {
  return Value::Undefined(
      absl::StrCat("'", TypeName(value), "' has no attribute '", common::Printable(name, kShownBytes), "'"));
}

// getattr(value, name), or nothing.
std::optional<Value> FindAttribute(const Value& value, const std::string& name) {
  if (absl::StartsWith(name, "__")) {
    return Value::Undefined(absl::StrCat("access to attribute '", common::Printable(name, kShownBytes), "' is unsafe"));
  }
  if (value.Is(Value::Kind::kNamespace)) {
    const auto& attributes = value.object<Namespace>().attributes;
    const auto found = attributes.find(name);
    return found == attributes.end() ? std::nullopt : std::optional<Value>(found->second);
  }
  if (value.Is(Value::Kind::kLoop)) return FindLoopAttribute(value, name);
  return FindMethod(value, name);
}

std::optional<Value> FindEntry(const Value& value, const std::string& key) {
  const Dict& dict = value.object<Dict>();
  const auto found = dict.index.find(key);
  return found == dict.index.end() ? std::nullopt : std::optional<Value>(dict.entries[found->second].second);
}

absl::StatusOr<std::optional<Value>> FindAtIndex(const Value& value, int64_t index, RenderBudget* budget) {
  if (value.IsString()) COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(value.text().size())));
  COHORT_ASSIGN_OR_RETURN(const int64_t size, Length(value));
  const int64_t at = index < 0 ? index + size : index;
  if (at < 0 || at >= size) return std::optional<Value>();
  if (value.Is(Value::Kind::kRange)) return std::optional<Value>(value.object<Range>().At(at));
  if (!value.IsString()) return std::optional<Value>(value.items()[at]);
  std::string character;
  size_t offset = 0;
  for (int64_t i = 0; i < at; ++i) NextCharacter(value.text(), &offset);
  common::AppendUtf8(NextCharacter(value.text(), &offset), &character);
  COHORT_ASSIGN_OR_RETURN(Value item, budget->String(std::move(character), value.is_markup()));
  return std::optional<Value>(std::move(item));
}

bool HasIndex(const Value& value) {
  return value.IsString() || value.Is(Value::Kind::kList) || value.Is(Value::Kind::kTuple) ||
         value.Is(Value::Kind::kRange);
}

// value[key], or nothing.
absl::StatusOr<std::optional<Value>> FindItem(const Value& value, const Value& key, RenderBudget* budget) {
  if (value.Is(Value::Kind::kDict)) {
    const auto name = budget->KeyOf(key);
    if (name.ok()) return FindEntry(value, *name);
    return absl::IsInvalidArgument(name.status()) ? absl::StatusOr<std::optional<Value>>(std::optional<Value>())
                                                  : name.status();
  }
  if (HasIndex(value) && key.IsInteger()) return FindAtIndex(value, key.integer(), budget);
  return std::optional<Value>();
}

struct Slice {
  int64_t start = 0;
  int64_t stop = 0;
  int64_t count = 0;
  int64_t step = 1;
};

absl::StatusOr<std::optional<int64_t>> Bound(const Value& value) {
  if (value.IsNone()) return std::optional<int64_t>();
  if (value.IsInteger()) return std::optional<int64_t>(value.integer());
  if (value.IsUndefined()) return UndefinedError(value);
  return absl::InvalidArgumentError(absl::StrCat("a slice needs integers, not ", TypeName(value)));
}

// As Python's slice.indices.
absl::StatusOr<Slice> ResolveSlice(const std::vector<Value>& bounds, int64_t size) {
  COHORT_ASSIGN_OR_RETURN(const auto given_start, Bound(bounds[0]));
  COHORT_ASSIGN_OR_RETURN(const auto given_stop, Bound(bounds[1]));
  COHORT_ASSIGN_OR_RETURN(const auto given_step, Bound(bounds[2]));
  // Steps beyond the size all give one item.
  const int64_t step = std::clamp<int64_t>(given_step.value_or(1), -size - 1, size + 1);
  if (step == 0) return absl::InvalidArgumentError("the step of a slice must not be 0");
  const int64_t lowest = step < 0 ? -1 : 0;
  const int64_t highest = step < 0 ? size - 1 : size;
  const auto clamp = [&](int64_t bound) { return std::clamp(bound < 0 ? bound + size : bound, lowest, highest); };
  const int64_t start = given_start.has_value() ? clamp(*given_start) : step < 0 ? highest : lowest;
  const int64_t stop = given_stop.has_value() ? clamp(*given_stop) : step < 0 ? lowest : highest;
  Range range;
  range.start = start;
  range.stop = stop;
  range.step = step;
  return Slice{start, stop, range.Size(), step};
}

absl::StatusOr<Value> SliceText(const Value& value, const Slice& slice, RenderBudget* budget) {
  COHORT_RETURN_IF_ERROR(budget->Scan(static_cast<int64_t>(value.text().size()) * 8));
  const auto characters = Characters(value.text());
  std::string text;
  for (int64_t i = 0; i < slice.count; ++i) text += characters[slice.start + i * slice.step];
  return budget->String(std::move(text), value.is_markup());
}

absl::StatusOr<Value> SliceRange(const Range& range, const Slice& slice) {
  const auto wide = static_cast<long double>(range.step);
  for (const long double number :
       {range.start + slice.start * wide, range.start + slice.stop * wide, wide * slice.step}) {
    // Within these no difference overflows.
    if (std::fabs(number) > INT64_MAX / 2) return absl::InvalidArgumentError("an integer of more than 64 bits");
  }
  auto part = std::make_shared<Range>();
  part->start = range.start + slice.start * range.step;
  part->stop = range.start + slice.stop * range.step;
  part->step = range.step * slice.step;
  return Value(Value::Kind::kRange, std::move(part));
}

}  // namespace

absl::StatusOr<Value> AttributeOf(const Value& value, const std::string& name, RenderBudget* budget) {
  if (value.IsUndefined()) return UndefinedError(value);
  COHORT_RETURN_IF_ERROR(budget->Step());
  std::optional<Value> found = FindAttribute(value, name);
  if (!found.has_value() && value.Is(Value::Kind::kDict)) found = FindEntry(value, KeyOfText(name));
  return found.has_value() ? *found : MissingAttribute(value, name);
}

absl::StatusOr<Value> ItemOf(const Value& value, const Value& key, RenderBudget* budget) {
  if (value.IsUndefined()) return UndefinedError(value);
  COHORT_RETURN_IF_ERROR(budget->Step());
  COHORT_ASSIGN_OR_RETURN(std::optional<Value> found, FindItem(value, key, budget));
  if (!found.has_value() && key.IsString()) found = FindAttribute(value, key.text());
  if (found.has_value()) return *found;
  return key.IsString() ? MissingAttribute(value, key.text())
                        : Value::Undefined(absl::StrCat("'", TypeName(value), "' has no such item"));
}

absl::StatusOr<Value> SliceOf(const Value& value, const std::vector<Value>& bounds, RenderBudget* budget) {
  if (value.IsUndefined()) return UndefinedError(value);
  if (!HasIndex(value)) {
    return absl::InvalidArgumentError(absl::StrCat("a ", TypeName(value), " cannot be sliced"));
  }
  COHORT_ASSIGN_OR_RETURN(const int64_t size, Length(value));
  COHORT_ASSIGN_OR_RETURN(const Slice slice, ResolveSlice(bounds, size));
  if (value.IsString()) return SliceText(value, slice, budget);
  if (value.Is(Value::Kind::kRange)) return SliceRange(value.object<Range>(), slice);
  COHORT_RETURN_IF_ERROR(budget->Reserve(slice.count * static_cast<int64_t>(sizeof(Value))));
  std::vector<Value> items;
  for (int64_t i = 0; i < slice.count; ++i) items.push_back(value.items()[slice.start + i * slice.step]);
  return budget->Sequence(value.kind(), std::move(items));
}

}  // namespace cohort::model::chat_template
