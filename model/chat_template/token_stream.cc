// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/token_stream.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/utf8.h"

namespace cohort::model::chat_template {
namespace {

constexpr size_t kShownBytes = 40;

std::string Describe(const Token& token) {
  switch (token.kind) {
    case Token::Kind::kText:
      return "text";
    case Token::Kind::kPrintBegin:
      return "'{{'";
    case Token::Kind::kPrintEnd:
      return "'}}'";
    case Token::Kind::kBlockBegin:
      return "'{%'";
    case Token::Kind::kBlockEnd:
      return "'%}'";
    case Token::Kind::kEnd:
      return "the end of the template";
    default:
      return absl::StrCat("'", common::Printable(token.text, kShownBytes), "'");
  }
}

}  // namespace

bool TokenStream::SkipName(std::string_view name) {
  if (!IsName(name)) return false;
  Advance();
  return true;
}

bool TokenStream::SkipOperator(std::string_view name) {
  if (!IsOperator(name)) return false;
  Advance();
  return true;
}

absl::Status TokenStream::ExpectOperator(std::string_view name) {
  return SkipOperator(name) ? absl::OkStatus() : Unexpected(absl::StrCat("'", std::string(name), "'"));
}

absl::Status TokenStream::ExpectName(std::string_view name) {
  return SkipName(name) ? absl::OkStatus() : Unexpected(absl::StrCat("'", std::string(name), "'"));
}

absl::Status TokenStream::Expect(Token::Kind kind, std::string_view what) {
  if (!Is(kind)) return Unexpected(what);
  Advance();
  return absl::OkStatus();
}

absl::Status TokenStream::Unexpected(std::string_view what) const {
  return SyntaxError(current().at, absl::StrCat("expected ", std::string(what), ", got ", Describe(current())));
}

bool TokenStream::HasNameSince(size_t first, std::string_view name) const {
  for (size_t i = first; i < at_; ++i) {
    if (tokens_[i].kind == Token::Kind::kName && tokens_[i].text == name) return true;
  }
  return false;
}

}  // namespace cohort::model::chat_template
