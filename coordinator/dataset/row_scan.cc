// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/row_scan.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "common/utf8.h"

namespace cohort::coordinator {
namespace {

// As the full parser's limit, so that what passes here passes there.
constexpr int kMaxDepth = 64;
// Integers of so many digits overflow nothing.
constexpr size_t kMaxDigits = 18;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// One pass over a text; every method leaves `at_` behind what it read, or says false.
class Scanner final {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool Row(absl::Span<ScannedField> fields) {
    if (!Object(/*depth=*/1, fields)) return false;
    SkipSpace();
    return at_ == text_.size();
  }

 private:
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(char c) {
    if (Peek() != c) return false;
    ++at_;
    return true;
  }
  void SkipSpace() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }

  // `fields` empty: nothing of this object is asked for.
  bool Object(int depth, absl::Span<ScannedField> fields) {
    SkipSpace();
    if (depth > kMaxDepth || !Take('{')) return false;
    SkipSpace();
    if (Take('}')) return true;
    do {
      SkipSpace();
      std::string_view key;
      bool has_escapes = false;
      if (!String(&key, &has_escapes) || has_escapes) return false;
      SkipSpace();
      if (!Take(':')) return false;
      SkipSpace();
      ScannedField* const field = Find(key, fields);
      if (field == nullptr ? !Value(depth) : !FieldText(field)) return false;
      SkipSpace();
    } while (Take(','));
    return Take('}');
  }

  static ScannedField* Find(std::string_view key, absl::Span<ScannedField> fields) {
    const auto it = std::find_if(fields.begin(), fields.end(), [key](const auto& field) { return field.name == key; });
    return it == fields.end() ? nullptr : &*it;
  }

  // Of a name that comes twice the last value counts.
  bool FieldText(ScannedField* field) {
    std::string_view raw;
    bool has_escapes = false;
    if (!String(&raw, &has_escapes)) return false;
    field->is_found = true;
    if (!has_escapes) {
      field->text->assign(raw);
      return true;
    }
    field->text->clear();
    for (size_t i = 0; i < raw.size(); ++i) {
      field->text->push_back(raw[i] == '\\' ? Unescaped(raw[++i]) : raw[i]);
    }
    return true;
  }

  // What follows a backslash stands for; '\0' where that is nothing, or not one character.
  static char Unescaped(char c) {
    switch (c) {
      case '"':
      case '\\':
      case '/':
        return c;
      case 'b':
        return '\b';
      case 'f':
        return '\f';
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      default:
        return '\0';
    }
  }

  // Eight bytes at a time of a string, while they are ASCII and none is a quote, a backslash or a control character. A
  // byte that is 0 below has its high bit set after the subtraction, and so has one of a control character; borrows
  // only reach bytes above such a one.
  void SkipPlain() {
    constexpr uint64_t kOnes = 0x0101010101010101;
    for (uint64_t word = 0; text_.size() - at_ >= sizeof(word); at_ += sizeof(word)) {
      std::memcpy(&word, text_.data() + at_, sizeof(word));
      const uint64_t quotes = (word ^ (kOnes * '"')) - kOnes;
      const uint64_t backslashes = (word ^ (kOnes * '\\')) - kOnes;
      const uint64_t controls = word - kOnes * 0x20;
      if (((word | quotes | backslashes | controls) & (kOnes * 0x80)) != 0) return;
    }
  }

  // Between the quotes, as it stands there.
  bool String(std::string_view* raw, bool* has_escapes) {
    if (!Take('"')) return false;
    const size_t begin = at_;
    for (SkipPlain(); at_ < text_.size(); SkipPlain()) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') {
        *raw = text_.substr(begin, at_ - begin);
        ++at_;
        return true;
      }
      if (c < 0x20) return false;
      if (c == '\\') {
        ++at_;
        if (Unescaped(Peek()) == '\0') return false;
        *has_escapes = true;
      }
      const size_t num_bytes = c < 0x80 ? 1 : common::LeadingUtf8Character(text_.substr(at_));
      if (num_bytes == 0) return false;
      at_ += num_bytes;
    }
    return false;
  }

  bool Value(int depth) {
    switch (Peek()) {
      case '"': {
        std::string_view raw;
        bool has_escapes = false;
        return String(&raw, &has_escapes);
      }
      case '{':
        return Object(depth + 1, {});
      case '[':
        return Array(depth + 1);
      case 't':
        return Literal("true");
      case 'f':
        return Literal("false");
      case 'n':
        return Literal("null");
      default:
        return Number();
    }
  }

  bool Array(int depth) {
    if (depth > kMaxDepth || !Take('[')) return false;
    SkipSpace();
    if (Take(']')) return true;
    do {
      SkipSpace();
      if (!Value(depth)) return false;
      SkipSpace();
    } while (Take(','));
    return Take(']');
  }

  bool Literal(std::string_view literal) {
    if (text_.substr(at_, literal.size()) != literal) return false;
    at_ += literal.size();
    return true;
  }

  bool Number() {
    Take('-');
    if (Take('0')) {
      if (IsDigit(Peek())) return false;
    } else if (!Digits()) {
      return false;
    }
    if (Take('.') && !Digits()) return false;
    return Peek() != 'e' && Peek() != 'E';
  }

  bool Digits() {
    const size_t begin = at_;
    while (IsDigit(Peek())) ++at_;
    return at_ > begin && at_ - begin <= kMaxDigits;
  }

  const std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

bool ScanRow(std::string_view row, absl::Span<ScannedField> fields) { return Scanner(row).Row(fields); }

}  // namespace cohort::coordinator
