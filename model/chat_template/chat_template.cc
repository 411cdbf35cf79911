// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/chat_template.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "model/chat_template/chat_messages.h"
#include "model/chat_template/globals.h"
#include "model/chat_template/template_source.h"
#include "model/chat_template/value_json.h"

namespace cohort::model {
namespace {

using chat_template::CompiledTemplate;
using chat_template::RenderBudget;
using chat_template::Value;
using chat_template::Variables;

absl::Status Named(const char* what, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(what, ": ", status.message()));
}

absl::StatusOr<Value> ParseNamed(const std::string& what, std::string_view json, RenderBudget* budget) {
  absl::StatusOr<Value> value = chat_template::ParseJsonValue(json, budget);
  return value.ok() ? value : Named(what.c_str(), value.status());
}

}  // namespace

absl::StatusOr<std::unique_ptr<const ChatTemplate>> ChatTemplate::Load(std::string_view directory) {
  COHORT_ASSIGN_OR_RETURN(const auto source, chat_template::ReadTemplateSource(directory));
  std::unique_ptr<ChatTemplate> made(new ChatTemplate());
  COHORT_ASSIGN_OR_RETURN(made->default_, CompiledTemplate::Compile(source.general.text, source.general.name));
  made->source_ = source.general.text;
  if (!source.for_tools.text.empty()) {
    COHORT_ASSIGN_OR_RETURN(made->for_tools_, CompiledTemplate::Compile(source.for_tools.text, source.for_tools.name));
    absl::StrAppend(&made->source_, "\n", source.for_tools.text);
  }
  made->special_tokens_ = source.special_tokens;
  for (const auto& [name, text] : source.special_tokens) {
    absl::StrAppend(&made->source_, "\n", name, "=", text);
    if (name == "eos_token") made->eos_token_ = text;
  }
  return std::unique_ptr<const ChatTemplate>(std::move(made));
}

absl::StatusOr<std::string> ChatTemplate::Render(const Chat& chat) const {
  const absl::Status date = chat_template::CheckDate(chat.date);
  if (!date.ok()) return Named("date", date);
  const auto make_variables = [&](RenderBudget* budget) -> absl::StatusOr<Variables> {
    Variables variables;
    for (const auto& [name, text] : special_tokens_) {
      COHORT_ASSIGN_OR_RETURN(Value value, budget->String(text));
      variables.emplace_back(name, std::move(value));
    }
    for (const auto& [name, json] : chat.variables) {
      COHORT_ASSIGN_OR_RETURN(Value value, ParseNamed(name, json, budget));
      variables.emplace_back(name, std::move(value));
    }
    COHORT_ASSIGN_OR_RETURN(const Value messages, ParseNamed("messages", chat.messages, budget));
    COHORT_ASSIGN_OR_RETURN(Value normalized, chat_template::NormalizeMessages(messages, budget));
    variables.emplace_back("messages", std::move(normalized));
    Value tools;
    if (!chat.tools.empty()) {
      COHORT_ASSIGN_OR_RETURN(tools, ParseNamed("tools", chat.tools, budget));
      COHORT_RETURN_IF_ERROR(chat_template::CheckTools(tools));
    }
    variables.emplace_back("tools", std::move(tools));
    variables.emplace_back("documents", Value());
    variables.emplace_back("add_generation_prompt", Value::Bool(chat.add_generation_prompt));
    return variables;
  };
  const bool has_tools = !chat.tools.empty() && chat.tools != "null";
  const CompiledTemplate& chosen = has_tools && for_tools_ != nullptr ? *for_tools_ : *default_;
  return chosen.Render(make_variables, chat.date);
}

}  // namespace cohort::model
