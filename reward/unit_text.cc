// SPDX-License-Identifier: Apache-2.0
#include "reward/unit_text.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/strings/ascii.h"
#include "common/utf8.h"

namespace cohort::reward {
namespace {

constexpr size_t kMaxUnitBytes = 64;

// After a number, these make it another number or leave open which one is meant.
constexpr std::string_view kNumberWords[] = {
    "or",       "not",     "plus",     "minus",     "half",      "halves",   "third",    "thirds",
    "quarter",  "fifth",   "fifths",   "tenth",     "tenths",    "squared",  "cubed",    "root",
    "sqrt",     "pi",      "zero",     "one",       "two",       "three",    "four",     "five",
    "six",      "seven",   "eight",    "nine",      "ten",       "eleven",   "twelve",   "thirteen",
    "fourteen", "fifteen", "sixteen",  "seventeen", "eighteen",  "nineteen", "twenty",   "thirty",
    "forty",    "fifty",   "sixty",    "seventy",   "eighty",    "ninety",   "hundred",  "thousand",
    "million",  "billion", "trillion", "hundreds",  "thousands", "millions", "billions", "trillions"};

// A unit that is one letter; others are variables, digits (1e, 1i) or multiples (k, K, M, B).
constexpr std::string_view kLetterUnits = "mghsldtVWANJFCL";

constexpr std::string_view kUnitSigns[] = {
    "\xc2\xb0",      // degree
    "\xc2\xa2",      // cent
    "\xc2\xb5",      // micro
    "\xce\xbc",      // mu
    "\xce\xa9",      // Omega
    "\xe2\x84\xa6",  // ohm
    "\xe2\x84\x83",  // degree Celsius
    "\xe2\x84\x89",  // degree Fahrenheit
    "\xe2\x80\x99",  // apostrophe
};
constexpr std::string_view kPowerSigns[] = {"\xc2\xb2", "\xc2\xb3"};  // of a unit: m², m³

template <size_t kSize>
bool IsOneOf(std::string_view text, const std::string_view (&list)[kSize]) {
  return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

// Letters of Latin-1, Latin Extended and Cyrillic; all take two bytes.
bool IsForeignLetter(std::string_view character) {
  if (character.size() != 2) return false;
  const int code = (character[0] & 0x1f) << 6 | (character[1] & 0x3f);
  const bool is_latin = code >= 0xc0 && code <= 0x24f && code != 0xd7 && code != 0xf7;
  return is_latin || (code >= 0x400 && code <= 0x52f);
}

// Cuts the text into words; false as soon as one of them or a character between them cannot be part of a unit.
class UnitReader final {
 public:
  bool Read(std::string_view text) {
    while (!text.empty()) {
      const size_t size = common::LeadingUtf8Character(text);
      if (size == 0 || !ReadCharacter(text.substr(0, size))) return false;
      text.remove_prefix(size);
    }
    const bool is_letter = num_letters_ == 1 && only_letter_ != '\0';
    return EndWord() && !(is_letter && kLetterUnits.find(only_letter_) == std::string_view::npos);
  }

 private:
  bool ReadCharacter(std::string_view character) {
    const char byte = character[0];
    if (absl::ascii_isalpha(byte) || IsForeignLetter(character)) {
      only_letter_ = character.size() == 1 ? byte : '\0';
      ++num_letters_;
      word_.append(character);
      return true;
    }
    if (IsOneOf(character, kPowerSigns)) return !word_.empty();
    if (!EndWord()) return false;
    if (character.size() > 1) {
      ++num_letters_;  // a sign is as good as a word
      return IsOneOf(character, kUnitSigns);
    }
    constexpr std::string_view kBetweenWords = " /%.,'-$";
    const bool may_begin = byte == '%' || byte == '$' || num_letters_ > 0 || has_begun_;
    has_begun_ = true;
    return may_begin && kBetweenWords.find(byte) != std::string_view::npos;
  }

  bool EndWord() {
    const bool is_fine = !IsOneOf(absl::AsciiStrToLower(word_), kNumberWords);
    word_.clear();
    return is_fine;
  }

  std::string word_;
  int num_letters_ = 0;
  char only_letter_ = '\0';  // the newest letter, if it is ASCII
  bool has_begun_ = false;
};

}  // namespace

bool IsUnit(std::string_view text) { return text.size() <= kMaxUnitBytes && UnitReader().Read(text); }

}  // namespace cohort::reward
