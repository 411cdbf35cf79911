// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/template_lexer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/chat_template/string_literal.h"
#include "model/chat_template/unicode.h"

namespace cohort::model::chat_template {
namespace {

constexpr size_t kMaxNameBytes = 256;  // names are looked up in every scope around

bool IsNameByte(char c) { return absl::ascii_isalnum(c) || c == '_'; }

// Line ends as \n, and without the one at the end.
std::string Normalized(std::string_view source) {
  std::string text =
      absl::StrReplaceAll(absl::string_view(source.data(), source.size()), {{"\r\n", "\n"}, {"\r", "\n"}});
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

class Lexer final {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)) {}

  absl::StatusOr<std::vector<Token>> Run() {
    while (at_ < source_.size()) COHORT_RETURN_IF_ERROR(LexRoot());
    Emit(Token::Kind::kEnd, "", at_);
    return std::move(tokens_);
  }

 private:
  std::string_view Rest(size_t at) const { return std::string_view(source_).substr(std::min(at, source_.size())); }
  bool LooksAt(size_t at, std::string_view text) const { return Rest(at).substr(0, text.size()) == text; }

  Position PositionAt(size_t offset) {
    if (offset < line_start_) {
      counted_ = line_start_ = 0;
      line_ = 1;
    }
    for (; counted_ < offset; ++counted_) {
      if (source_[counted_] != '\n') continue;
      ++line_;
      line_start_ = counted_ + 1;
    }
    return {line_, static_cast<int>(offset - line_start_) + 1};
  }

  absl::Status Fail(std::string_view why, size_t offset) { return SyntaxError(PositionAt(offset), why); }

  void Emit(Token::Kind kind, std::string text, size_t offset) {
    tokens_.push_back({kind, std::move(text), PositionAt(offset)});
  }

  size_t SkipSpace(size_t at) const {
    while (at < source_.size()) {
      size_t next = at;
      if (!IsSpace(NextCharacter(source_, &next))) break;
      at = next;
    }
    return at;
  }

  // Moves behind consumed text; what follows is at the start of a line when it ends one.
  void MoveTo(size_t at) {
    is_line_start_ = at > 0 && source_[at - 1] == '\n';
    at_ = at;
  }

  // The text before a tag, stripped as the sign behind the tag's opening says.
  void EmitText(size_t end, char sign, bool is_print) {
    std::string_view text = Rest(at_).substr(0, end - at_);
    if (sign == '-') {
      text = Strip(text, StripSide::kRight);
    } else if (sign != '+' && !is_print) {
      const size_t newline = text.rfind('\n');
      const size_t line = newline == std::string_view::npos ? 0 : newline + 1;
      const bool is_line = line > 0 || is_line_start_;
      if (is_line && Strip(text.substr(line), StripSide::kLeft).empty()) text = text.substr(0, line);
    }
    if (!text.empty()) Emit(Token::Kind::kText, std::string(text), at_);
  }

  absl::Status LexRoot() {
    size_t tag = at_;
    while (tag < source_.size() &&
           !(source_[tag] == '{' && tag + 1 < source_.size() && absl::StrContains("%{#", source_.substr(tag + 1, 1)))) {
      ++tag;
    }
    if (tag >= source_.size()) {
      Emit(Token::Kind::kText, source_.substr(at_), at_);
      at_ = source_.size();
      return absl::OkStatus();
    }
    const size_t inside = tag + 2;
    const char sign =
        inside < source_.size() && (source_[inside] == '-' || source_[inside] == '+') ? source_[inside] : 0;
    const size_t after_sign = inside + (sign != 0 ? 1 : 0);
    EmitText(tag, sign, source_[tag + 1] == '{');
    if (source_[tag + 1] == '#') return SkipComment(tag, after_sign);
    if (source_[tag + 1] == '%') {
      const size_t raw = EndOfWordTag(after_sign, "raw", /*trims=*/false);
      if (raw != std::string::npos) return LexRaw(tag, raw);
    }
    const bool is_print = source_[tag + 1] == '{';
    Emit(is_print ? Token::Kind::kPrintBegin : Token::Kind::kBlockBegin, "", tag);
    MoveTo(after_sign);
    return LexTag(is_print, tag);
  }

  // A comment or raw block without an end. jinja2 bears that when nothing is in it.
  absl::Status EndInside(const char* what, size_t tag, size_t at) {
    if (at < source_.size()) return Fail(absl::StrCat("missing end of ", what), tag);
    MoveTo(at);
    return absl::OkStatus();
  }

  absl::Status SkipComment(size_t tag, size_t at) {
    const size_t end = source_.find("#}", at);
    if (end == std::string::npos) return EndInside("comment", tag, at);
    const char sign = end > at ? source_[end - 1] : 0;
    if (sign == '-') {
      MoveTo(SkipSpace(end + 2));
    } else {
      MoveTo(sign != '+' && LooksAt(end + 2, "\n") ? end + 3 : end + 2);
    }
    return absl::OkStatus();
  }

  // Behind a block tag that is one word, whose opening and sign end at `at`; npos when it is not that tag.
  size_t EndOfWordTag(size_t at, std::string_view word, bool trims) const {
    at = SkipSpace(at);
    if (!LooksAt(at, word)) return std::string::npos;
    at = SkipSpace(at + word.size());
    if (LooksAt(at, "-%}")) return SkipSpace(at + 3);
    if (trims && LooksAt(at, "+%}")) return at + 3;
    if (!LooksAt(at, "%}")) return std::string::npos;
    return trims && LooksAt(at + 2, "\n") ? at + 3 : at + 2;
  }

  absl::Status LexRaw(size_t tag, size_t body) {
    MoveTo(body);
    for (size_t end = source_.find("{%", body); end != std::string::npos; end = source_.find("{%", end + 1)) {
      const char sign = LooksAt(end + 2, "-") ? '-' : LooksAt(end + 2, "+") ? '+' : 0;
      const size_t behind = EndOfWordTag(end + 2 + (sign != 0 ? 1 : 0), "endraw", /*trims=*/true);
      if (behind == std::string::npos) continue;
      EmitText(end, sign, /*is_print=*/false);
      MoveTo(behind);
      return absl::OkStatus();
    }
    return EndInside("raw block", tag, body);
  }

  // Whether the end of the tag is here; if so, moves behind it.
  bool EndsTag(bool is_print) {
    if (!brackets_.empty()) return false;
    const std::string_view end = is_print ? "}}" : "%}";
    const bool has_sign = LooksAt(at_, "-") || (!is_print && LooksAt(at_, "+"));
    if (!LooksAt(at_ + (has_sign ? 1 : 0), end)) return false;
    const char sign = has_sign ? source_[at_] : 0;
    size_t behind = at_ + (has_sign ? 1 : 0) + 2;
    if (sign == '-') behind = SkipSpace(behind);
    if (sign == 0 && !is_print && LooksAt(behind, "\n")) ++behind;
    Emit(is_print ? Token::Kind::kPrintEnd : Token::Kind::kBlockEnd, "", at_);
    MoveTo(behind);
    return true;
  }

  absl::Status LexTag(bool is_print, size_t tag) {
    brackets_.clear();
    while (at_ < source_.size()) {
      if (EndsTag(is_print)) return absl::OkStatus();
      const size_t behind_space = SkipSpace(at_);
      if (behind_space > at_) {
        MoveTo(behind_space);
        continue;
      }
      COHORT_RETURN_IF_ERROR(LexExpression());
    }
    return Fail("the tag is not closed", tag);
  }

  absl::Status LexExpression() {
    const char c = source_[at_];
    if (absl::ascii_isdigit(c)) return LexNumber();
    if (c == '\'' || c == '"') return LexString();
    if (!IsNameByte(c)) return LexOperator();
    size_t end = at_;
    while (end < source_.size() && IsNameByte(source_[end])) ++end;
    if (end - at_ > kMaxNameBytes) return Fail(absl::StrCat("a name of more than ", kMaxNameBytes, " bytes"), at_);
    Emit(Token::Kind::kName, source_.substr(at_, end - at_), at_);
    MoveTo(end);
    return absl::OkStatus();
  }

  absl::Status LexString() {
    size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != source_[at_]) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) return Fail("the string is not closed", at_);
    auto text = Unescape(Rest(at_ + 1).substr(0, end - at_ - 1));
    if (!text.ok()) return Fail(std::string(text.status().message()), at_);
    Emit(Token::Kind::kString, *std::move(text), at_);
    MoveTo(end + 1);
    return absl::OkStatus();
  }

  // Behind digits with single underscores between them, from `at`; `at` when there are none.
  size_t SkipDigits(size_t at) const {
    size_t end = at;
    while (end < source_.size() && absl::ascii_isdigit(source_[end])) {
      ++end;
      if (LooksAt(end, "_") && end + 1 < source_.size() && absl::ascii_isdigit(source_[end + 1])) ++end;
    }
    return end;
  }

  // Behind a fraction and an exponent, or `whole` when there is neither.
  size_t SkipFloatTail(size_t whole) const {
    size_t end = whole;
    if (LooksAt(end, ".") && SkipDigits(end + 1) > end + 1) end = SkipDigits(end + 1);
    if (LooksAt(end, "e") || LooksAt(end, "E")) {
      const size_t digits = end + (LooksAt(end + 1, "+") || LooksAt(end + 1, "-") ? 2 : 1);
      if (SkipDigits(digits) > digits) end = SkipDigits(digits);
    }
    return end;
  }

  absl::Status LexNumber() {
    const size_t whole = SkipDigits(at_);
    const bool may_be_float = at_ == 0 || source_[at_ - 1] != '.';
    size_t end = may_be_float ? SkipFloatTail(whole) : whole;
    const auto kind = end > whole ? Token::Kind::kFloat : Token::Kind::kInteger;
    if (kind == Token::Kind::kInteger && source_[at_] == '0') {
      if (end < source_.size() && absl::ascii_isalpha(source_[end]))
        return Fail("only decimal numbers are supported", at_);
      // 007 is no number: jinja2 reads the zeros, then another number.
      end = std::min(end, source_.find_first_not_of("0_", at_));
    }
    std::string digits = source_.substr(at_, end - at_);
    digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
    Emit(kind, std::move(digits), at_);
    MoveTo(end);
    return absl::OkStatus();
  }

  absl::Status LexOperator() {
    static constexpr std::string_view kOperators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                                      "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                                      ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};
    for (const std::string_view name : kOperators) {
      if (!LooksAt(at_, name)) continue;
      COHORT_RETURN_IF_ERROR(Balance(name[0]));
      Emit(Token::Kind::kOperator, std::string(name), at_);
      MoveTo(at_ + name.size());
      return absl::OkStatus();
    }
    return Fail(absl::StrCat("unexpected character (", common::Printable(Rest(at_).substr(0, 4), 8), ")"), at_);
  }

  absl::Status Balance(char c) {
    if (c == '(' || c == '[' || c == '{') brackets_ += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (c != ')' && c != ']' && c != '}') return absl::OkStatus();
    if (brackets_.empty() || brackets_.back() != c)
      return Fail(absl::StrCat("unexpected '", std::string(1, c), "'"), at_);
    brackets_.pop_back();
    return absl::OkStatus();
  }

  const std::string source_;
  size_t at_ = 0;
  bool is_line_start_ = true;
  std::string brackets_;  // expected, innermost last
  size_t counted_ = 0;    // bytes whose line ends are counted
  int line_ = 1;
  size_t line_start_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

absl::Status SyntaxError(Position at, std::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(at.line, ":", at.column, ": ", std::string(why)));
}

absl::StatusOr<std::vector<Token>> Tokenize(std::string_view source) { return Lexer(Normalized(source)).Run(); }

}  // namespace cohort::model::chat_template
