// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_CHAT_TEMPLATE_H_
#define COHORT_MODEL_CHAT_TEMPLATE_CHAT_TEMPLATE_H_

// Torch-free.
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "model/chat_template/compiled_template.h"

namespace cohort::model {

// One conversation, as JSON text.
struct Chat {
  std::string messages;                          // a list of objects with a role
  std::string tools;                             // a list of objects; empty: none
  bool add_generation_prompt = false;            // end in the head of an assistant's message
  std::map<std::string, std::string> variables;  // further variables of the template, JSON by name
  std::string date;                              // what strftime_now tells, "2024-07-26"; empty: not defined
};

// A model's chat template: conversations to text, byte for byte as apply_chat_template(tokenize=False) of transformers.
// The text has its special tokens in it; encode it without adding any. Immutable, thread-safe.
//
//   COHORT_ASSIGN_OR_RETURN(auto chat_template, ChatTemplate::Load("/models/qwen3"));
//   chat_template->Render({.messages = R"([{"role": "user", "content": "Hi"}])", .add_generation_prompt = true});
class ChatTemplate final {
 public:
  // Reads `directory`/chat_template.jinja or else `chat_template` of tokenizer_config.json (a text, or a list of named
  // ones, of which "tool_use" serves conversations with tools and "default" the others), and the special tokens of
  // tokenizer_config.json, which the template sees as bos_token, eos_token and so on. NOT_FOUND when the folder has no
  // template; INVALID_ARGUMENT names file, line and reason.
  static absl::StatusOr<std::unique_ptr<const ChatTemplate>> Load(std::string_view directory);

  // Errors are those of CompiledTemplate::Render; INVALID_ARGUMENT as well for messages that are not what Chat says.
  absl::StatusOr<std::string> Render(const Chat& chat) const;

  // The text of EOS; empty when the folder has none.
  const std::string& eos_token() const { return eos_token_; }
  // Text of the templates and the special tokens: what a rendering depends on besides the conversation.
  const std::string& source() const { return source_; }

 private:
  using Template = std::unique_ptr<const chat_template::CompiledTemplate>;

  ChatTemplate() = default;

  Template default_;
  Template for_tools_;  // null: the same
  std::vector<std::pair<std::string, std::string>> special_tokens_;
  std::string eos_token_;
  std::string source_;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_CHAT_TEMPLATE_CHAT_TEMPLATE_H_
