// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/split_scanner.h"

#include "model/tokenizer/unicode_classes.h"
#include "model/tokenizer/utf8.h"

namespace cohort::model {
namespace {

// End of 's, 't, 're, 've, 'm, 'll or 'd at the apostrophe at `at`; `at` when there is none. Without case the long s
// (U+017F) is an s too.
size_t ContractionEnd(std::string_view text, size_t at, bool ignore_case) {
  const std::string_view rest = text.substr(at + 1, 2);
  if (rest.empty()) return at;
  if (ignore_case && rest == "\xC5\xBF") return at + 3;
  const auto letter = [&](size_t i) -> char {
    const char c = rest[i];
    return ignore_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  const char first = letter(0);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
  if (rest.size() < 2) return at;
  const char second = letter(1);
  const bool is_long = (first == 'l' && second == 'l') || ((first == 'r' || first == 'v') && second == 'e');
  return is_long ? at + 3 : at;
}

}  // namespace

std::optional<SplitScanner> SplitScanner::ForPattern(std::string_view pattern) {
  if (pattern == kGpt2SplitPattern) return SplitScanner(/*longest_number=*/0);
  if (pattern == kQwen2SplitPattern) return SplitScanner(/*longest_number=*/1);
  if (pattern == kLlama3SplitPattern) return SplitScanner(/*longest_number=*/3);
  return std::nullopt;
}

SplitScanner::SplitScanner(int longest_number)
    : bits_of_code_point_(UnicodeClassTable()), longest_number_(longest_number) {}

inline SplitScanner::Character SplitScanner::At(std::string_view text, size_t at) const {
  const Utf8Character character = Utf8CharacterAt(text, at);
  return {bits_of_code_point_[character.code_point], static_cast<uint8_t>(character.size)};
}

inline bool SplitScanner::IsAt(std::string_view text, size_t at, uint8_t bits) const {
  return at < text.size() && (At(text, at).bits & bits) != 0;
}

inline size_t SplitScanner::Skip(std::string_view text, size_t at, uint8_t bits) const {
  while (at < text.size()) {
    const Character character = At(text, at);
    if ((character.bits & bits) == 0) break;
    at += character.size;
  }
  return at;
}

inline size_t SplitScanner::SkipOthers(std::string_view text, size_t at, uint8_t bits) const {
  while (at < text.size()) {
    const Character character = At(text, at);
    if ((character.bits & bits) != 0) break;
    at += character.size;
  }
  return at;
}

// \s*[\r\n]+ (when asked for), \s+(?!\S), \s+: up to the last newline of the run; without one, all but the space that
// the next word takes along.
size_t SplitScanner::SpaceEnd(std::string_view text, size_t at, bool ends_at_newline) const {
  size_t end = at;
  size_t last_start = at;
  size_t behind_newline = at;
  while (end < text.size()) {
    const Character character = At(text, end);
    if ((character.bits & kSpace) == 0) break;
    last_start = end;
    end += character.size;
    if ((character.bits & kNewline) != 0) behind_newline = end;
  }
  if (ends_at_newline && behind_newline > at) return behind_newline;
  return end == text.size() || last_start == at ? end : last_start;
}

size_t SplitScanner::Gpt2PieceEnd(std::string_view text, size_t at) const {
  if (text[at] == '\'') {
    const size_t end = ContractionEnd(text, at, /*ignore_case=*/false);
    if (end > at) return end;
  }
  // " ?" before a run of letters, of numbers, or of what is neither.
  const bool takes_space = text[at] == ' ' && at + 1 < text.size() && !IsAt(text, at + 1, kSpace);
  const size_t start = takes_space ? at + 1 : at;
  const Character first = At(text, start);
  const size_t behind = start + first.size;
  if ((first.bits & kLetter) != 0) return Skip(text, behind, kLetter);
  if ((first.bits & kNumber) != 0) return Skip(text, behind, kNumber);
  if ((first.bits & kSpace) == 0) return SkipOthers(text, behind, kLetter | kNumber | kSpace);
  return SpaceEnd(text, at, /*ends_at_newline=*/false);
}

size_t SplitScanner::Llama3PieceEnd(std::string_view text, size_t at) const {
  const Character first = At(text, at);
  size_t end = at + first.size;
  if ((first.bits & kLetter) != 0) return Skip(text, end, kLetter);
  if ((first.bits & kNumber) != 0) {
    for (int digits = 1; digits < longest_number_ && IsAt(text, end, kNumber); ++digits) end += At(text, end).size;
    return end;
  }
  if (text[at] == '\'') {
    const size_t contraction_end = ContractionEnd(text, at, /*ignore_case=*/true);
    if (contraction_end > at) return contraction_end;
  }
  // One character that is neither letter, number nor newline goes with the letters behind it.
  if ((first.bits & kNewline) == 0 && IsAt(text, end, kLetter)) return Skip(text, end, kLetter);
  if ((first.bits & kSpace) != 0) {
    const bool takes_space = text[at] == ' ' && end < text.size() && !IsAt(text, end, kLetter | kNumber | kSpace);
    if (!takes_space) return SpaceEnd(text, at, /*ends_at_newline=*/true);
  }
  return Skip(text, SkipOthers(text, end, kLetter | kNumber | kSpace), kNewline);
}

}  // namespace cohort::model
