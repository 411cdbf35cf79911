// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/unicode.h"

#include <algorithm>
#include <set>

#include "common/utf8.h"
#include "model/chat_template/unicode_tables.h"

namespace cohort::model::chat_template {
namespace {

constexpr uint32_t kCapitalSigma = 0x3A3;
constexpr uint32_t kFinalSigma = 0x3C2;
constexpr uint32_t kCapitalDottedI = 0x130;

uint32_t MapByRuns(absl::Span<const CaseRun> runs, uint32_t character) {
  const auto after = std::upper_bound(runs.begin(), runs.end(), character,
                                      [](uint32_t c, const CaseRun& run) { return c < run.first; });
  if (after == runs.begin()) return character;
  // Two runs of stride 2 may interleave, so the one before is looked at as well.
  for (auto run = after; run != runs.begin() && after - run < 2;) {
    --run;
    if (character <= run->last && (character - run->first) % run->stride == 0) return character + run->delta;
  }
  return character;
}

const char* FindSpecial(absl::Span<const CaseSpecial> specials, uint32_t character) {
  const auto found = std::lower_bound(specials.begin(), specials.end(), character,
                                      [](const CaseSpecial& special, uint32_t c) { return special.character < c; });
  return found != specials.end() && found->character == character ? found->text : nullptr;
}

void AppendUpper(uint32_t character, std::string* text) {
  const char* const special = FindSpecial(LongUppers(), character);
  if (special != nullptr) {
    *text += special;
  } else {
    common::AppendUtf8(MapByRuns(UpperRuns(), character), text);
  }
}

void AppendTitle(uint32_t character, std::string* text) {
  const char* const special = FindSpecial(OwnTitles(), character);
  if (special != nullptr) {
    *text += special;
  } else {
    AppendUpper(character, text);
  }
}

// `before` and `rest` decide on the form of a sigma.
void AppendLower(uint32_t character, bool is_after_letter, std::string_view rest, std::string* text) {
  if (character == kCapitalDottedI) {
    *text += "i\xCC\x87";
    return;
  }
  if (character == kCapitalSigma && is_after_letter) {
    size_t at = 0;
    if (rest.empty() || !IsCased(NextCharacter(rest, &at))) return common::AppendUtf8(kFinalSigma, text);
  }
  common::AppendUtf8(MapByRuns(LowerRuns(), character), text);
}

template <typename InSet>
std::string_view StripIf(std::string_view text, StripSide side, const InSet& in_set) {
  while (side != StripSide::kRight && !text.empty()) {
    size_t end = 0;
    if (!in_set(NextCharacter(text, &end))) break;
    text.remove_prefix(end);
  }
  while (side != StripSide::kLeft && !text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) --start;
    size_t at = start;
    if (!in_set(NextCharacter(text, &at))) break;
    text.remove_suffix(text.size() - start);
  }
  return text;
}

bool IsLineEnd(uint32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

}  // namespace

uint32_t NextCharacter(std::string_view text, size_t* at) {
  const common::Utf8Character character = common::BoundedUtf8CharacterAt(text, *at);
  *at += character.size;
  return character.code_point;
}

int64_t NumCharacters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

std::vector<std::string_view> Characters(std::string_view text) {
  std::vector<std::string_view> characters;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    NextCharacter(text, &at);
    characters.push_back(text.substr(start, at - start));
  }
  return characters;
}

bool IsSpace(uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool IsPrintable(uint32_t character) {
  const auto ranges = UnprintableRanges();
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), character,
                                      [](uint32_t c, const CharacterRange& range) { return c < range.first; });
  return after == ranges.begin() || character > (after - 1)->last;
}

bool IsCased(uint32_t character) {
  return MapByRuns(LowerRuns(), character) != character || MapByRuns(UpperRuns(), character) != character ||
         FindSpecial(LongUppers(), character) != nullptr || character == kCapitalDottedI;
}

std::string Lower(std::string_view text) {
  std::string lower;
  bool is_after_letter = false;
  for (size_t at = 0; at < text.size();) {
    const uint32_t character = NextCharacter(text, &at);
    AppendLower(character, is_after_letter, text.substr(at), &lower);
    is_after_letter = IsCased(character);
  }
  return lower;
}

std::string Upper(std::string_view text) {
  std::string upper;
  for (size_t at = 0; at < text.size();) AppendUpper(NextCharacter(text, &at), &upper);
  return upper;
}

std::string Capitalize(std::string_view text) {
  std::string capitalized;
  bool is_after_letter = false;
  for (size_t at = 0; at < text.size();) {
    const bool is_first = at == 0;
    const uint32_t character = NextCharacter(text, &at);
    if (is_first) {
      AppendTitle(character, &capitalized);
    } else {
      AppendLower(character, is_after_letter, text.substr(at), &capitalized);
    }
    is_after_letter = IsCased(character);
  }
  return capitalized;
}

std::string Title(std::string_view text) {
  std::string title;
  bool is_after_letter = false;
  for (size_t at = 0; at < text.size();) {
    const uint32_t character = NextCharacter(text, &at);
    if (is_after_letter) {
      AppendLower(character, true, text.substr(at), &title);
    } else {
      AppendTitle(character, &title);
    }
    is_after_letter = IsCased(character);
  }
  return title;
}

bool HasOneCase(std::string_view text, bool is_upper) {
  bool has_cased = false;
  for (size_t at = 0; at < text.size();) {
    const uint32_t character = NextCharacter(text, &at);
    if (!IsCased(character)) continue;
    has_cased = true;
    if ((MapByRuns(LowerRuns(), character) != character || character == kCapitalDottedI) != is_upper) return false;
  }
  return has_cased;
}

std::string_view Strip(std::string_view text, StripSide side) { return StripIf(text, side, IsSpace); }

std::string_view StripCharacters(std::string_view text, std::string_view set, StripSide side) {
  std::set<uint32_t> characters;
  for (size_t at = 0; at < set.size();) characters.insert(NextCharacter(set, &at));
  return StripIf(text, side, [&](uint32_t c) { return characters.count(c) > 0; });
}

std::vector<std::string_view> SplitLines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  size_t start = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = at;
    const uint32_t character = NextCharacter(text, &at);
    if (!IsLineEnd(character)) continue;
    if (character == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back(text.substr(start, (keep_ends ? at : end) - start));
    start = at;
  }
  if (start < text.size()) lines.push_back(text.substr(start));
  return lines;
}

}  // namespace cohort::model::chat_template
