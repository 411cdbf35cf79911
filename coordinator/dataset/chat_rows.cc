// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/chat_rows.h"

#include <utility>

#include "common/field_error.h"
#include "common/status_macros.h"

namespace cohort::coordinator {
namespace {

// What a row does to a template is the fault of the job's data, also when it meets a limit.
absl::Status AsInvalid(const absl::Status& status) { return absl::InvalidArgumentError(status.message()); }

model::Chat SettingsOf(const cohort::v1::DatasetSpec& spec) {
  model::Chat chat;
  chat.variables.insert(spec.chat_template_kwargs().begin(), spec.chat_template_kwargs().end());
  chat.date = spec.chat_template_date();
  return chat;
}

}  // namespace

ChatRows::ChatRows(const cohort::v1::DatasetSpec& spec, std::shared_ptr<const model::ChatTemplate> chat_template)
    : fields_{.messages = spec.fields().messages(), .tools = spec.fields().tools()},
      settings_(SettingsOf(spec)),
      chat_template_(std::move(chat_template)) {}

absl::StatusOr<std::unique_ptr<const ChatRows>> ChatRows::Create(
    const cohort::v1::DatasetSpec& spec, std::shared_ptr<const model::ChatTemplate> chat_template) {
  if (chat_template == nullptr) {
    return common::InvalidField("fields.messages", spec.fields().messages(), "needs a model with a chat template");
  }
  return std::unique_ptr<const ChatRows>(new ChatRows(spec, std::move(chat_template)));
}

absl::StatusOr<model::Chat> ChatRows::ReadRow(std::string_view row_json) const {
  model::Chat chat = settings_;
  const absl::Status read = model::ReadChat(row_json, fields_, &chat);
  if (!read.ok()) return AsInvalid(read);
  return chat;
}

absl::StatusOr<std::string> ChatRows::Prompt(std::string_view row_json) const {
  COHORT_ASSIGN_OR_RETURN(model::Chat chat, ReadRow(row_json));
  chat.add_generation_prompt = true;
  absl::StatusOr<std::string> prompt = chat_template_->Render(chat);
  return prompt.ok() ? prompt : AsInvalid(prompt.status());
}

absl::StatusOr<model::ChatTurn> ChatRows::LastTurn(std::string_view row_json) const {
  COHORT_ASSIGN_OR_RETURN(const model::Chat chat, ReadRow(row_json));
  absl::StatusOr<model::ChatTurn> turn = model::RenderLastTurn(*chat_template_, chat);
  return turn.ok() ? turn : AsInvalid(turn.status());
}

}  // namespace cohort::coordinator
