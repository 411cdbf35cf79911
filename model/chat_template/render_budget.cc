// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/render_budget.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::model::chat_template {
namespace {

constexpr int64_t kObjectBytes = 64;
constexpr int64_t kEntryBytes = 160;

int DepthOf(const Value& value) {
  if (value.HasItems()) return value.object<Items>().depth;
  return value.Is(Value::Kind::kDict) ? value.object<Dict>().depth : 0;
}

absl::Status CheckDepth(const char* what, int depth, int most) {
  if (depth <= most) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(what, " is nested deeper than ", most, " levels"));
}

}  // namespace

RenderBudget::~RenderBudget() {
  for (const auto& object : kept_) object->Clear();
}

absl::Status RenderBudget::Step(int64_t num_steps) {
  num_steps_ += num_steps;
  if (num_steps_ <= limits_.max_steps) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("takes more than ", limits_.max_steps, " steps"));
}

absl::Status RenderBudget::Reserve(int64_t num_bytes) {
  // Never added up beyond the bound, so it cannot overflow.
  if (num_bytes <= limits_.max_value_bytes - num_bytes_) {
    num_bytes_ += num_bytes;
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("makes values of more than ", limits_.max_value_bytes, " bytes in all"));
}

absl::Status RenderBudget::Enter() { return CheckDepth("the template", ++depth_, limits_.max_depth); }

absl::StatusOr<Value> RenderBudget::String(std::string text, bool is_markup) {
  COHORT_RETURN_IF_ERROR(Scan(static_cast<int64_t>(text.size())));
  COHORT_RETURN_IF_ERROR(Reserve(kObjectBytes + static_cast<int64_t>(text.size())));
  auto object = std::make_shared<Text>();
  object->text = std::move(text);
  object->is_markup = is_markup;
  return Value(Value::Kind::kString, std::move(object));
}

absl::StatusOr<Value> RenderBudget::Sequence(Value::Kind kind, std::vector<Value> values, const char* view) {
  const auto size = static_cast<int64_t>(values.size());
  COHORT_RETURN_IF_ERROR(Step(1 + size / 4));
  COHORT_RETURN_IF_ERROR(Reserve(kObjectBytes + size * static_cast<int64_t>(sizeof(Value))));
  auto object = std::make_shared<Items>();
  for (const Value& value : values) object->depth = std::max(object->depth, DepthOf(value) + 1);
  COHORT_RETURN_IF_ERROR(CheckDepth("a value", object->depth, limits_.max_value_depth));
  object->values = std::move(values);
  object->view = view;
  return Value(kind, std::move(object));
}

absl::StatusOr<Value> RenderBudget::Dictionary(const std::vector<std::pair<Value, Value>>& entries) {
  COHORT_RETURN_IF_ERROR(Step(1 + static_cast<int64_t>(entries.size())));
  COHORT_RETURN_IF_ERROR(Reserve(kObjectBytes + static_cast<int64_t>(entries.size()) * kEntryBytes));
  auto object = std::make_shared<Dict>();
  for (const auto& [key, value] : entries) {
    COHORT_ASSIGN_OR_RETURN(std::string name, KeyOf(key));
    COHORT_RETURN_IF_ERROR(Reserve(static_cast<int64_t>(name.size())));
    object->depth = std::max({object->depth, DepthOf(key) + 1, DepthOf(value) + 1});
    const auto [at, is_added] = object->index.emplace(std::move(name), object->entries.size());
    if (is_added) {
      object->entries.emplace_back(key, value);
    } else {
      object->entries[at->second].second = value;
    }
  }
  COHORT_RETURN_IF_ERROR(CheckDepth("a value", object->depth, limits_.max_value_depth));
  return Value(Value::Kind::kDict, std::move(object));
}

}  // namespace cohort::model::chat_template
