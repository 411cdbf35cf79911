// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_CHAT_ROW_H_
#define COHORT_MODEL_CHAT_TEMPLATE_CHAT_ROW_H_

// Torch-free.
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/chat_template/chat_template.h"

namespace cohort::model {

// Names of the fields of a row that hold a conversation.
struct ChatFields {
  std::string messages;
  std::string tools;  // empty, or a field that a row may lack
};

// What a model is taught by the last message of a conversation.
struct ChatTurn {
  std::string prompt;
  std::string completion;  // without the text of EOS, which the learner appends as a token
};

// Adds the messages and tools of a row, a JSON object, to `chat`. INVALID_ARGUMENT names the field.
absl::Status ReadChat(std::string_view row_json, const ChatFields& fields, Chat* chat);

// Splits a conversation at its last message: the prompt is what comes before the answer, and the completion is what the
// whole conversation has behind that. INVALID_ARGUMENT when the last message is not an assistant's, or when the
// template renders the whole conversation not as a continuation of the prompt. `chat.add_generation_prompt` is not
// looked at.
absl::StatusOr<ChatTurn> RenderLastTurn(const ChatTemplate& chat_template, const Chat& chat);

// INVALID_ARGUMENT unless `name` can be a further variable of a template and `json` is JSON.
absl::Status CheckChatVariable(const std::string& name, std::string_view json);

}  // namespace cohort::model

#endif  // COHORT_MODEL_CHAT_TEMPLATE_CHAT_ROW_H_
