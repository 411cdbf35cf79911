// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/chat_row.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/chat_template/objects.h"
#include "model/chat_template/unicode.h"
#include "model/chat_template/value_json.h"

namespace cohort::model {
namespace {

using chat_template::Dict;
using chat_template::RenderBudget;
using chat_template::RenderLimits;
using chat_template::Value;

constexpr size_t kShownBytes = 60;

// The value of a key of an object, or null.
const Value* FindEntry(const Value& object, const std::string& name) {
  const Dict& dict = object.object<Dict>();
  const auto found = dict.index.find(chat_template::KeyOfText(name));
  return found == dict.index.end() ? nullptr : &dict.entries[found->second].second;
}

// As long as both agree, from the start.
size_t SharedBytes(std::string_view a, std::string_view b) {
  return std::mismatch(a.begin(), a.begin() + static_cast<int64_t>(std::min(a.size(), b.size())), b.begin()).first -
         a.begin();
}

// Cuts the text of EOS and the white space behind it.
std::string WithoutEos(std::string_view completion, const std::string& eos) {
  const std::string_view stripped = chat_template::Strip(completion, chat_template::StripSide::kRight);
  const bool ends_in_eos =
      !eos.empty() && stripped.size() >= eos.size() && stripped.substr(stripped.size() - eos.size()) == eos;
  return std::string(ends_in_eos ? stripped.substr(0, stripped.size() - eos.size()) : completion);
}

// The messages without the last, which must be an assistant's, as JSON; empty when there is no other.
absl::StatusOr<std::string> WithoutLastMessage(const std::string& messages) {
  RenderBudget budget{RenderLimits()};
  COHORT_ASSIGN_OR_RETURN(const Value list, chat_template::ParseJsonValue(messages, &budget));
  if (!list.Is(Value::Kind::kList) || list.items().empty()) {
    return absl::InvalidArgumentError("messages must be a list that is not empty");
  }
  const Value& last = list.items().back();
  const Value* const role = last.Is(Value::Kind::kDict) ? FindEntry(last, "role") : nullptr;
  if (role == nullptr || !role->IsString() || role->text() != "assistant") {
    return absl::InvalidArgumentError("the last message must be an assistant's: it is what is imitated");
  }
  if (list.items().size() == 1) return absl::InvalidArgumentError("no message comes before the one that is imitated");
  std::vector<Value> before(list.items().begin(), list.items().end() - 1);
  COHORT_ASSIGN_OR_RETURN(const Value shorter, budget.Sequence(Value::Kind::kList, std::move(before)));
  return chat_template::JsonText(shorter, chat_template::JsonStyle(), &budget);
}

}  // namespace

absl::Status ReadChat(std::string_view row_json, const ChatFields& fields, Chat* chat) {
  RenderBudget budget{RenderLimits()};
  COHORT_ASSIGN_OR_RETURN(const Value row, chat_template::ParseJsonValue(row_json, &budget));
  if (!row.Is(Value::Kind::kDict)) return absl::InvalidArgumentError("not a JSON object");
  const Value* const messages = FindEntry(row, fields.messages);
  if (messages == nullptr || messages->IsNone()) {
    return absl::InvalidArgumentError(absl::StrCat("field missing (", fields.messages, ")"));
  }
  if (!messages->Is(Value::Kind::kList)) {
    return absl::InvalidArgumentError(absl::StrCat(fields.messages, ": must be a list of messages"));
  }
  COHORT_ASSIGN_OR_RETURN(chat->messages, chat_template::JsonText(*messages, chat_template::JsonStyle(), &budget));
  const Value* const tools = fields.tools.empty() ? nullptr : FindEntry(row, fields.tools);
  if (tools == nullptr || tools->IsNone()) return absl::OkStatus();
  COHORT_ASSIGN_OR_RETURN(chat->tools, chat_template::JsonText(*tools, chat_template::JsonStyle(), &budget));
  return absl::OkStatus();
}

absl::StatusOr<ChatTurn> RenderLastTurn(const ChatTemplate& chat_template, const Chat& chat) {
  Chat before = chat;
  before.add_generation_prompt = true;
  COHORT_ASSIGN_OR_RETURN(before.messages, WithoutLastMessage(chat.messages));
  Chat whole = chat;
  whole.add_generation_prompt = false;
  ChatTurn turn;
  COHORT_ASSIGN_OR_RETURN(turn.prompt, chat_template.Render(before));
  COHORT_ASSIGN_OR_RETURN(const std::string text, chat_template.Render(whole));
  const size_t shared = SharedBytes(text, turn.prompt);
  if (shared < turn.prompt.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the chat template does not render the whole conversation as a continuation of its prompt, so the last message "
        "cannot be told apart; name its text in fields.completion (after ",
        shared, " bytes the prompt goes on ",
        common::Printable(std::string_view(turn.prompt).substr(shared), kShownBytes), ", the conversation ",
        common::Printable(std::string_view(text).substr(shared), kShownBytes), ")"));
  }
  turn.completion = WithoutEos(std::string_view(text).substr(shared), chat_template.eos_token());
  return turn;
}

absl::Status CheckChatVariable(const std::string& name, std::string_view json) {
  const bool is_name = !name.empty() && !absl::ascii_isdigit(name[0]) &&
                       std::all_of(name.begin(), name.end(), [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
  if (!is_name) return absl::InvalidArgumentError("must be the name of a variable");
  for (const char* const own : {"messages", "tools", "documents", "add_generation_prompt"}) {
    if (name == own) return absl::InvalidArgumentError("is set by the row and the job itself");
  }
  RenderBudget budget{RenderLimits()};
  return chat_template::ParseJsonValue(json, &budget).status();
}

}  // namespace cohort::model
