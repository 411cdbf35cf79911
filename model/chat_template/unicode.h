// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_UNICODE_H_
#define COHORT_MODEL_CHAT_TEMPLATE_UNICODE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cohort::model::chat_template {

// Text as Python's str sees it: characters of valid UTF-8. Pure functions.

// The character that starts at byte `*at`, which is moved behind it. `text` is UTF-8, `*at` in it; a
// character that is cut short ends with the text (common/utf8.h).
uint32_t NextCharacter(std::string_view text, size_t* at);
int64_t NumCharacters(std::string_view text);
// Each character as its own piece of `text`.
std::vector<std::string_view> Characters(std::string_view text);

// As str.isspace.
bool IsSpace(uint32_t character);
// As str.isprintable.
bool IsPrintable(uint32_t character);
// Whether upper and lower case differ.
bool IsCased(uint32_t character);

std::string Lower(std::string_view text);
std::string Upper(std::string_view text);
// str.capitalize: the first character in title case, the others in lower case.
std::string Capitalize(std::string_view text);
// str.title: the first letter of every run of cased letters.
std::string Title(std::string_view text);

// str.isupper or str.islower: cased letters, all of that case.
bool HasOneCase(std::string_view text, bool is_upper);

enum class StripSide { kBoth, kLeft, kRight };
// str.strip and its kin: white space.
std::string_view Strip(std::string_view text, StripSide side);
// The same for the characters of `set`.
std::string_view StripCharacters(std::string_view text, std::string_view set, StripSide side);

// str.splitlines without the line ends.
std::vector<std::string_view> SplitLines(std::string_view text, bool keep_ends);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_UNICODE_H_
