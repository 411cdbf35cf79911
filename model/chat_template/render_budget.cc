// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/render_budget.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::model::chat_template {
namespace {

constexpr int64_t kObjectBytes = 64;
constexpr int64_t kEntryBytes = 160;

std::string AddressKey(const Value& key) { return absl::StrCat("p", reinterpret_cast<uintptr_t>(key.identity())); }

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
  object->depth = 1;
  for (const Value& value : values) object->depth = std::max(object->depth, value.depth() + 1);
  COHORT_RETURN_IF_ERROR(CheckDepth("a value", object->depth, limits_.max_value_depth));
  object->values = std::move(values);
  object->view = view;
  return Value(kind, std::move(object));
}

absl::StatusOr<std::string> RenderBudget::KeyOf(const Value& key) {
  COHORT_RETURN_IF_ERROR(Scan(key.IsString() ? static_cast<int64_t>(key.text().size()) : 0));
  switch (key.kind()) {
    case Value::Kind::kNone:
      return std::string("none");
    case Value::Kind::kUndefined:
      return std::string("undefined");
    case Value::Kind::kBool:
    case Value::Kind::kInteger:
      return absl::StrCat("i", key.integer());
    case Value::Kind::kFloat: {
      const double number = key.number();
      const bool is_whole = std::floor(number) == number && std::fabs(number) < 9e18;
      if (is_whole) return absl::StrCat("i", static_cast<int64_t>(number));
      return absl::StrCat("f", std::string(reinterpret_cast<const char*>(&number), sizeof number));
    }
    case Value::Kind::kString:
      return KeyOfText(key.text());
    case Value::Kind::kTuple: {
      std::string joined = "t";
      for (const Value& item : key.items()) {
        COHORT_ASSIGN_OR_RETURN(const std::string part, KeyOf(item));
        absl::StrAppend(&joined, part.size(), ":", part);
      }
      COHORT_RETURN_IF_ERROR(Scan(static_cast<int64_t>(joined.size())));
      return joined;
    }
    case Value::Kind::kView:
      if (std::string_view(key.object<Items>().view) == "dict_values") return AddressKey(key);
      [[fallthrough]];
    case Value::Kind::kList:
    case Value::Kind::kDict:
      return absl::InvalidArgumentError(absl::StrCat("unhashable type: '", TypeName(key), "'"));
    default:
      return AddressKey(key);
  }
}

absl::StatusOr<Value> RenderBudget::Dictionary(const std::vector<std::pair<Value, Value>>& entries) {
  COHORT_RETURN_IF_ERROR(Step(1 + static_cast<int64_t>(entries.size())));
  COHORT_RETURN_IF_ERROR(Reserve(kObjectBytes + static_cast<int64_t>(entries.size()) * kEntryBytes));
  auto object = std::make_shared<Dict>();
  object->depth = 1;
  for (const auto& [key, value] : entries) {
    COHORT_ASSIGN_OR_RETURN(std::string name, KeyOf(key));
    COHORT_RETURN_IF_ERROR(Reserve(static_cast<int64_t>(name.size())));
    object->depth = std::max({object->depth, key.depth() + 1, value.depth() + 1});
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
