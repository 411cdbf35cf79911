// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/oniguruma_pattern.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/utf8.h"

namespace cohort::model {
namespace {

// Of the escapes with a letter or digit, these mean the same to both engines. Among the others are \w and \b (marks are
// letters to Oniguruma only), \h (a hexadecimal digit), \v (one character) and \K.
constexpr std::string_view kKnownEscapes = "dDnrtf";
constexpr std::string_view kGroupOpenings[] = {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!", "(?i:"};

// Goes over a pattern from construct to construct.
class Translator final {
 public:
  explicit Translator(std::string_view pattern) : pattern_(pattern), rest_(pattern) {}

  absl::StatusOr<std::string> Translate() {
    while (!rest_.empty()) {
      COHORT_RETURN_IF_ERROR(rest_[0] == '\\' ? TakeEscape() : is_in_class_ ? TakeClassMember() : TakeOther());
    }
    return translated_;
  }

 private:
  bool Starts(std::string_view construct) const { return rest_.substr(0, construct.size()) == construct; }

  absl::Status Take(size_t size) {
    translated_ += rest_.substr(0, size);
    rest_.remove_prefix(std::min(size, rest_.size()));
    return absl::OkStatus();
  }

  absl::Status Refuse(size_t size) const {
    return absl::UnimplementedError(absl::StrCat(
        "split pattern: ", common::Printable(rest_.substr(0, size), /*max_bytes=*/20), " at offset ",
        pattern_.size() - rest_.size(), " is not supported (", common::Printable(pattern_, /*max_bytes=*/200), ")"));
  }

  absl::Status TakeEscape();
  absl::Status TakeBraced(bool (*is_known)(std::string_view name));
  absl::Status TakeClassMember();
  absl::Status TakeOther();

  const std::string_view pattern_;
  std::string_view rest_;  // what is still to be translated
  std::string translated_;
  bool is_in_class_ = false;
};

// To PCRE2 \s includes U+180E, which Unicode no longer counts as a space; to Oniguruma it does not.
absl::Status Translator::TakeEscape() {
  const char escaped = rest_.size() > 1 ? rest_[1] : '\0';
  if (escaped == 's' || escaped == 'S') {
    translated_ += escaped == 's' ? "\\p{White_Space}" : "\\P{White_Space}";
    rest_.remove_prefix(2);
    return absl::OkStatus();
  }
  if (escaped == 'p' || escaped == 'P') {
    // General categories only: \p{Han} is Script_Extensions to PCRE2.
    return TakeBraced([](std::string_view name) {
      if (!name.empty() && name[0] == '^') name.remove_prefix(1);
      return name.size() == 1 || name.size() == 2;
    });
  }
  if (escaped == 'x') return TakeBraced([](std::string_view /*digits*/) { return true; });
  const bool is_known = !absl::ascii_isalnum(static_cast<unsigned char>(escaped)) ||
                        kKnownEscapes.find(escaped) != std::string_view::npos;
  return is_known ? Take(2) : Refuse(2);
}

// \p{...} or \x{...}; without braces they mean something else.
absl::Status Translator::TakeBraced(bool (*is_known)(std::string_view name)) {
  const size_t end = rest_.find('}');
  if (rest_.size() < 3 || rest_[2] != '{') return Refuse(2);
  if (end == std::string_view::npos) return Take(rest_.size());
  return is_known(rest_.substr(3, end - 3)) ? Take(end + 1) : Refuse(end + 1);
}

// Oniguruma's classes hold others and intersect.
absl::Status Translator::TakeClassMember() {
  if (rest_[0] == '[' || Starts("&&")) return Refuse(2);
  is_in_class_ = rest_[0] != ']';
  return Take(1);
}

absl::Status Translator::TakeOther() {
  if (rest_[0] == '[') {
    is_in_class_ = true;
    COHORT_RETURN_IF_ERROR(Take(Starts("[^") ? 2 : 1));
    return Starts("]") ? Take(1) : absl::OkStatus();  // a first one is a member
  }
  for (const std::string_view opening : kGroupOpenings) {
    if (Starts(opening)) return Take(opening.size());
  }
  if (Starts("(?") || Starts("(*")) return Refuse(3);
  // {,2} is a count and {2}+ counts twice to Oniguruma; {2}? makes it optional.
  if (Starts("{,") || Starts("}+") || Starts("}?")) return Refuse(2);
  return Take(1);
}

}  // namespace

absl::StatusOr<std::string> PatternForPcre2(std::string_view pattern) { return Translator(pattern).Translate(); }

}  // namespace cohort::model
