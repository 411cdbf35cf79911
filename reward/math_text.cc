// SPDX-License-Identifier: Apache-2.0
#include "reward/math_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace cohort::reward {
namespace {

struct Spelling {
  std::string_view from;
  std::string_view to;
};

// Longer spellings before their own prefixes (\left before nothing, \cdot before nothing shorter).
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
    {"\\times", "*"},      {"\\cdot", "*"},       {"\\div", "/"}, {"\\left", ""}, {"\\right", ""},
    {"\\dfrac", "\\frac"}, {"\\tfrac", "\\frac"}, {"\\%", "%"},   {"\\$", "$"},   {"\\!", ""},
    {"\\,", ""},           {"\\;", " "},          {"\\ ", " "},   {"\\(", " "},   {"\\)", " "},
    {"\\[", " "},          {"\\]", " "},          {"{,}", ","},  // 1{,}234 keeps LaTeX from putting a space after the
                                                                 // comma
};

constexpr std::string_view kTextCommands[] = {"\\text{", "\\mathrm{", "\\mbox{", "\\textbf{", "\\mathbf{"};

// The number of bytes of `text` that a spelling at its front covers; its replacement is appended to *out.
size_t Replace(std::string_view text, std::string* out) {
  for (const Spelling& spelling : kSpellings) {
    if (text.substr(0, spelling.from.size()) != spelling.from) continue;
    out->append(spelling.to);
    return spelling.from.size();
  }
  for (const std::string_view command : kTextCommands) {
    if (text.substr(0, command.size()) != command) continue;
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
