// SPDX-License-Identifier: Apache-2.0
#include "reward/ranking_title.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "common/utf8.h"

namespace cohort::reward {
namespace {

constexpr std::string_view kMarks = "*_-#";
constexpr size_t kMaxNumberDigits = 6;  // of a numbering; bounds what one round looks at

bool IsSpace(char32_t point) {
  return (point >= 0x09 && point <= 0x0D) || (point >= 0x1C && point <= 0x20) || point == 0x85 || point == 0xA0 ||
         point == 0x1680 || (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 ||
         point == 0x202F || point == 0x205F || point == 0x3000;
}

bool IsWithin(char32_t point, char32_t first, char32_t last) { return point >= first && point <= last; }

// Unicode's case folding of one code point for the scripts the header names, where it is one code point.
char32_t FoldPoint(char32_t point) {
  if (IsWithin(point, 'A', 'Z')) return point + 32;
  if (point < 0xB5) return point;
  if (point == 0xB5) return 0x3BC;
  if (IsWithin(point, 0xC0, 0xDE) && point != 0xD7) return point + 32;
  if (point == 0x178) return 0xFF;
  if (point == 0x17F) return 's';
  if (point == 0x1A0 || point == 0x1AF) return point + 1;
  // Neighbours, the capital first: at even code points, or at odd ones.
  if (IsWithin(point, 0x100, 0x12F) || IsWithin(point, 0x132, 0x137) || IsWithin(point, 0x14A, 0x177) ||
      IsWithin(point, 0x1F8, 0x21F) || IsWithin(point, 0x460, 0x481) || IsWithin(point, 0x48A, 0x4BF) ||
      IsWithin(point, 0x1E00, 0x1E95) || IsWithin(point, 0x1EA0, 0x1EFF)) {
    return point | 1;
  }
  if (IsWithin(point, 0x139, 0x148) || IsWithin(point, 0x179, 0x17E)) return point + (point & 1);
  if (point == 0x386) return 0x3AC;
  if (IsWithin(point, 0x388, 0x38A)) return point + 37;
  if (point == 0x38C) return 0x3CC;
  if (IsWithin(point, 0x38E, 0x38F)) return point + 63;
  if (IsWithin(point, 0x391, 0x3AB) && point != 0x3A2) return point + 32;
  if (point == 0x3C2) return 0x3C3;
  if (IsWithin(point, 0x400, 0x40F)) return point + 80;
  if (IsWithin(point, 0x410, 0x42F)) return point + 32;
  if (IsWithin(point, 0xFF21, 0xFF3A)) return point + 32;
  return point;
}

std::string FoldCase(std::string_view text) {
  std::string folded;
  while (!text.empty()) {
    const size_t size = common::LeadingUtf8Character(text);
    const char32_t point = size == 0 ? 0 : common::Utf8CharacterAt(text, 0).code_point;
    if (size == 0 || size == 4) {  // broken, or above all letters that are folded: as it is
      folded.append(text.substr(0, size == 0 ? 1 : size));
    } else if (point == 0xDF || point == 0x1E9E) {
      folded.append("ss");
    } else {
      common::AppendUtf8(FoldPoint(point), &folded);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return folded;
}

// Without every "(...)"; brackets that have no partner stay.
std::string WithoutBracketedParts(std::string_view text) {
  std::string kept;
  std::vector<size_t> open;  // where the brackets that are still open stand in `kept`
  for (const char c : text) {
    if (c == '(') open.push_back(kept.size());
    if (c == ')' && !open.empty()) {
      kept.resize(open.back());
      open.pop_back();
    } else {
      kept.push_back(c);
    }
  }
  return kept;
}

// Takes `prefix` off `text`, if it is there.
bool ConsumePrefix(std::string_view prefix, std::string_view* text) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

// The text has collapsed spaces: at most one at either end.
std::string_view WithoutOuterSpaces(std::string_view text) {
  ConsumePrefix(" ", &text);
  if (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// "3. Heat" -> "Heat"; a number that is no numbering stays ("12 Monkeys", "2.0").
std::string_view WithoutNumbering(std::string_view text) {
  size_t digits = 0;
  while (digits < std::min(text.size(), kMaxNumberDigits + 1) &&
         absl::ascii_isdigit(static_cast<unsigned char>(text[digits])))
    ++digits;
  if (digits == 0 || digits > kMaxNumberDigits) return text;
  std::string_view rest = text.substr(digits);
  ConsumePrefix(" ", &rest);
  for (const std::string_view mark : {".", ")", "-", "\u3001", "\u2014", "\u2013"}) {
    std::string_view after = rest;
    if (ConsumePrefix(mark, &after) && ConsumePrefix(" ", &after)) return after;
  }
  return text;
}

std::string_view WithoutQuotes(std::string_view text) {
  constexpr std::string_view kPairs[][2] = {{"\"", "\""}, {"'", "'"}, {"\u201c", "\u201d"}};
  for (const auto& [open, close] : kPairs) {
    if (text.size() >= open.size() + close.size() && text.starts_with(open) && text.ends_with(close)) {
      return text.substr(open.size(), text.size() - open.size() - close.size());
    }
  }
  return text;
}

}  // namespace

std::string CollapseSpaces(std::string_view text) {
  std::string collapsed;
  bool is_after_space = true;
  while (!text.empty()) {
    const size_t size = common::LeadingUtf8Character(text);
    const bool is_space = size != 0 && IsSpace(common::Utf8CharacterAt(text, 0).code_point);
    if (!is_space) collapsed.append(text.substr(0, size == 0 ? 1 : size));
    if (is_space && !is_after_space) collapsed.push_back(' ');
    is_after_space = is_space;
    text.remove_prefix(size == 0 ? 1 : size);
  }
  if (!collapsed.empty() && is_after_space) collapsed.pop_back();
  return collapsed;
}

std::string_view StripDecoration(std::string_view text) {
  for (size_t before = text.size() + 1; text.size() < before;) {  // every round but the last takes something away
    before = text.size();
    text = WithoutOuterSpaces(text);
    text.remove_prefix(std::min(text.find_first_not_of(kMarks), text.size()));
    text = text.substr(0, text.find_last_not_of(kMarks) + 1);
    ConsumePrefix("\u2022", &text);  // a bullet
    text = WithoutQuotes(WithoutNumbering(WithoutOuterSpaces(text)));
  }
  return text;
}

std::string NormalizeTitle(std::string_view title) {
  const std::string without_brackets = CollapseSpaces(WithoutBracketedParts(title));
  const std::string_view stripped = StripDecoration(without_brackets);
  return FoldCase(stripped.empty() ? CollapseSpaces(title) : std::string(stripped));
}

}  // namespace cohort::reward
