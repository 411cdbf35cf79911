// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/chat_messages.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "model/chat_template/objects.h"

namespace cohort::model::chat_template {
namespace {

using Entries = std::vector<std::pair<Value, Value>>;

// The value of a key, or null.
const Value* FindKey(const Entries& entries, const char* name) {
  for (const auto& [key, value] : entries) {
    if (key.IsString() && key.text() == name) return &value;
  }
  return nullptr;
}

// With the thoughts first as `thinking`, unless that has a place already, and as `reasoning_content`.
absl::StatusOr<Entries> WithThoughts(const Entries& entries, RenderBudget* budget) {
  const Value* thoughts = nullptr;
  for (const char* const name : {"reasoning", "thinking", "reasoning_content"}) {
    const Value* const found = FindKey(entries, name);
    if (found != nullptr) thoughts = found;
  }
  if (thoughts == nullptr) return entries;
  COHORT_ASSIGN_OR_RETURN(const Value thinking, budget->String("thinking"));
  COHORT_ASSIGN_OR_RETURN(const Value reasoning, budget->String("reasoning_content"));
  Entries with = {{thinking, *thoughts}};
  with.insert(with.end(), entries.begin(), entries.end());
  with.emplace_back(reasoning, *thoughts);
  return with;
}

absl::StatusOr<Value> NormalizeMessage(const Value& message, size_t at, RenderBudget* budget) {
  const std::string where = absl::StrCat("messages[", at, "]");
  if (!message.Is(Value::Kind::kDict)) {
    return absl::InvalidArgumentError(absl::StrCat(where, " must be an object, not ", TypeName(message)));
  }
  Entries entries;
  for (const auto& entry : message.object<Dict>().entries) {
    if (!entry.second.IsNone()) entries.push_back(entry);
  }
  const Value* const role = FindKey(entries, "role");
  if (role == nullptr || !role->IsString()) {
    return absl::InvalidArgumentError(absl::StrCat(where, " needs a string as its role"));
  }
  COHORT_ASSIGN_OR_RETURN(const Entries with, WithThoughts(entries, budget));
  return budget->Dictionary(with);
}

}  // namespace

absl::StatusOr<Value> NormalizeMessages(const Value& messages, RenderBudget* budget) {
  if (!messages.Is(Value::Kind::kList)) {
    return absl::InvalidArgumentError(absl::StrCat("messages must be a list, not ", TypeName(messages)));
  }
  if (messages.items().empty()) return absl::InvalidArgumentError("messages must not be empty");
  std::vector<Value> normalized;
  for (size_t i = 0; i < messages.items().size(); ++i) {
    COHORT_ASSIGN_OR_RETURN(Value message, NormalizeMessage(messages.items()[i], i, budget));
    normalized.push_back(std::move(message));
  }
  return budget->Sequence(Value::Kind::kList, std::move(normalized));
}

absl::Status CheckTools(const Value& tools) {
  if (tools.IsNone()) return absl::OkStatus();
  bool is_good = tools.Is(Value::Kind::kList);
  for (size_t i = 0; is_good && i < tools.items().size(); ++i) is_good = tools.items()[i].Is(Value::Kind::kDict);
  return is_good ? absl::OkStatus() : absl::InvalidArgumentError("tools must be a list of objects");
}

}  // namespace cohort::model::chat_template
