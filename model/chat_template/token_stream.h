// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_TOKEN_STREAM_H_
#define COHORT_MODEL_CHAT_TEMPLATE_TOKEN_STREAM_H_

#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "model/chat_template/template_lexer.h"

namespace cohort::model::chat_template {

// The tokens of a template with a place in them. The last token, kEnd, is never passed. Not thread-safe.
class TokenStream final {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& next() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  void Advance() {
    if (at_ + 1 < tokens_.size()) ++at_;
  }

  bool Is(Token::Kind kind) const { return current().kind == kind; }
  bool IsName(std::string_view name) const { return Is(Token::Kind::kName) && current().text == name; }
  bool IsOperator(std::string_view name) const { return Is(Token::Kind::kOperator) && current().text == name; }
  bool SkipName(std::string_view name);
  bool SkipOperator(std::string_view name);

  // Advances behind the token, or says what was expected in its place.
  absl::Status ExpectOperator(std::string_view name);
  absl::Status ExpectName(std::string_view name);
  absl::Status Expect(Token::Kind kind, std::string_view what);
  // "<line>:<column>: expected <what>, got <current>".
  absl::Status Unexpected(std::string_view what) const;

  size_t at() const { return at_; }
  // Whether a name was among the tokens from `first` to the current one.
  bool HasNameSince(size_t first, std::string_view name) const;

 private:
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_TOKEN_STREAM_H_
