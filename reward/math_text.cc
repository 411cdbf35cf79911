// SPDX-License-Identifier: Apache-2.0
#include "reward/math_text.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace cohort::reward {
namespace {

struct Spelling {
  std::string_view from;
  std::string_view to;
};

// None is the prefix of another.
constexpr Spelling kSpellings[] = {
    {"\xe2\x88\x92", "-"},  // minus sign
    {"\xe2\x80\x93", "-"},  // en dash
    {"\xef\xbc\x8d", "-"},  // full-width hyphen-minus
    {"\xc3\x97", "*"},      // multiplication sign
    {"\xc2\xb7", "*"},      // middle dot
    {"\xe2\x8b\x85", "*"},  // dot operator
    {"\xc3\xb7", "/"},      // division sign
    {"\xe2\x88\x95", "/"},  // division slash
    {"\xc2\xa0", " "},      // no-break space
    {"\xe2\x80\xaf", " "},  // narrow no-break space
    {"\xe2\x82\xac", "$"},  // euro
    {"\xc2\xa3", "$"},      // pound
    {"\xc2\xa5", "$"},      // yen
    {"\xe2\x82\xb9", "$"},  // rupee
    {"\\times", "*"},      {"\\cdot", "*"}, {"\\div", "/"}, {"\\left", " "}, {"\\right", " "}, {"\\%", "%"},
    {"\\$", "$"},          {"\\!", ""},     {"\\;", " "},   {"\\ ", " "},    {"\\(", " "},     {"\\)", " "},
    {"\\[", " "},          {"\\]", " "},    {"{,}", ","},  // 1{,}234: LaTeX would put a space after a plain comma
};

constexpr std::string_view kThinSpace = "\\,";
constexpr std::string_view kFractions[] = {"\\frac", "\\dfrac", "\\tfrac"};
constexpr std::string_view kTextCommands[] = {"\\text{", "\\mathrm{", "\\mbox{", "\\textbf{", "\\mathbf{"};

bool StartsWith(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

// Three digits and no fourth.
bool StartsWithThousands(std::string_view text) {
  size_t num_digits = 0;
  while (num_digits < text.size() && absl::ascii_isdigit(text[num_digits])) ++num_digits;
  return num_digits == 3;
}

// A thin space between thousands separates them like a comma; elsewhere it is white space, and "1\,2" is not 12.
size_t ReplaceThinSpace(std::string_view text, std::string* out) {
  const bool is_separator =
      !out->empty() && absl::ascii_isdigit(out->back()) && StartsWithThousands(text.substr(kThinSpace.size()));
  out->push_back(is_separator ? ',' : ' ');
  return kThinSpace.size();
}

// Arguments without brackets are one digit each: \frac12 is \frac{1}{2}.
size_t ReplaceFraction(std::string_view text, size_t command_size, std::string* out) {
  out->append(kFractions[0]);
  size_t size = text.find_first_not_of(' ', command_size);
  for (int i = 0; i < 2 && size < text.size() && absl::ascii_isdigit(text[size]); ++i, ++size) {
    out->append({'{', text[size], '}'});
  }
  return std::min(size, text.size());
}

// The number of bytes of `text` that a spelling at its front covers; its replacement is appended to *out.
size_t Replace(std::string_view text, std::string* out) {
  if (StartsWith(text, kThinSpace)) return ReplaceThinSpace(text, out);
  for (const std::string_view command : kFractions) {
    if (StartsWith(text, command)) return ReplaceFraction(text, command.size(), out);
  }
  for (const Spelling& spelling : kSpellings) {
    if (!StartsWith(text, spelling.from)) continue;
    out->append(spelling.to);
    return spelling.from.size();
  }
  for (const std::string_view command : kTextCommands) {
    if (!StartsWith(text, command)) continue;
    const size_t end = text.find('}', command.size());
    if (end == std::string_view::npos) return 0;
    out->append(" ").append(text.substr(command.size(), end - command.size()));
    return end + 1;
  }
  return 0;
}

std::string_view Stripped(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n\f\v");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n\f\v") - first + 1);
}

// Without white space, one full stop at the end, and pairs of $, * or ` around it.
std::string_view Unwrapped(std::string_view text) {
  text = Stripped(text);
  if (text.size() > 1 && text.back() == '.') text = Stripped(text.substr(0, text.size() - 1));
  constexpr std::string_view kWrappers = "$*`";
  while (text.size() > 2 && text.front() == text.back() && kWrappers.find(text.front()) != std::string_view::npos) {
    text = Stripped(text.substr(1, text.size() - 2));
  }
  return text;
}

}  // namespace

std::string NormalizeMathText(std::string_view text) {
  text = Unwrapped(text);
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const bool may_be_spelling = text.front() == '\\' || text.front() == '{' || (text.front() & 0x80) != 0;
    size_t size = may_be_spelling ? Replace(text, &out) : 0;
    if (size == 0) {
      out.push_back(text.front());
      size = 1;
    }
    text.remove_prefix(size);
  }
  return std::string(Unwrapped(out));
}

}  // namespace cohort::reward
