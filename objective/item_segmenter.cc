// SPDX-License-Identifier: Apache-2.0
#include "objective/item_segmenter.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "objective/token_text.h"

namespace cohort::objective {
namespace {

using cohort::v1::SegmenterSpec;

// What may stand before a title: blanks, bullets, markdown, quotes.
constexpr std::string_view kPrefixes[] = {" ",  "\t", "\r", "-", "*", "_", "#", ">", "`",
                                          "\"", "'",  "•",  "–", "“", "”", "‘", "’"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

void StripPrefixes(std::string_view* line) {
  bool found = true;
  while (found) {
    found = false;
    for (const std::string_view prefix : kPrefixes) {
      if (!line->starts_with(prefix)) continue;
      line->remove_prefix(prefix.size());
      found = true;
    }
  }
}

// "12." or "12)" before something else than a digit, so that "2.0 (2018)" keeps its title.
void StripNumbering(std::string_view* line) {
  size_t digits = 0;
  while (digits < line->size() && IsDigit((*line)[digits])) ++digits;
  if (digits == 0 || digits == line->size()) return;
  const char mark = (*line)[digits];
  if (mark != '.' && mark != ')' && mark != ':') return;
  if (digits + 1 < line->size() && IsDigit((*line)[digits + 1])) return;
  line->remove_prefix(digits + 1);
}

// U+00A0 and the spaces of U+2000 to U+200A and U+3000 are blanks as well.
bool EndsWithBlank(std::string_view text) {
  if (IsBlank(text.back()) || text.ends_with("\u00a0") || text.ends_with("\u3000")) return true;
  return text.size() >= 3 && text.substr(text.size() - 3, 2) == "\xe2\x80" && text.back() >= '\x80' &&
         text.back() <= '\x8a';
}

bool IsYear(std::string_view text) {
  return text.size() >= 6 && text[0] == '(' && IsDigit(text[1]) && IsDigit(text[2]) && IsDigit(text[3]) &&
         IsDigit(text[4]) && text[5] == ')';
}

bool NamesItem(std::string_view line) {
  StripPrefixes(&line);
  StripNumbering(&line);
  StripPrefixes(&line);
  for (size_t i = 1; i < line.size(); ++i) {
    if (IsYear(line.substr(i)) && EndsWithBlank(line.substr(0, i))) return true;
  }
  return false;
}

// Item of every line, kNoItem for lines that name none.
std::vector<int32_t> ParseLines(std::string_view text, int32_t* num_items) {
  std::vector<int32_t> items;
  *num_items = 0;
  while (true) {
    const size_t end = text.find('\n');
    items.push_back(NamesItem(text.substr(0, end)) ? (*num_items)++ : kNoItem);
    if (end == std::string_view::npos) return items;
    text.remove_prefix(end + 1);
  }
}

int32_t CountNewlines(std::string_view text) {
  return static_cast<int32_t>(std::count(text.begin(), text.end(), '\n'));
}

ItemIds ByNewlines(const TokenText& joined, size_t num_tokens) {
  ItemIds ids;
  int32_t item = 0;
  for (size_t token = 0; token + 1 < joined.begins.size(); ++token) {
    ids.item_T.push_back(item);
    item += CountNewlines(joined.BytesOf(token));
  }
  ids.item_T.resize(num_tokens, item);  // EOS
  ids.num_items = ids.item_T.empty() ? 0 : ids.item_T.back() + 1;
  return ids;
}

ItemIds ByParsedLines(const TokenText& joined, size_t num_tokens) {
  ItemIds ids;
  const std::vector<int32_t> item_of_line = ParseLines(joined.text, &ids.num_items);
  size_t line = 0;
  for (size_t token = 0; token + 1 < joined.begins.size(); ++token) {
    const std::string_view bytes = joined.BytesOf(token);
    const size_t visible = std::find_if_not(bytes.begin(), bytes.end(), IsBlank) - bytes.begin();
    const size_t skipped = visible < bytes.size() ? CountNewlines(bytes.substr(0, visible)) : 0;
    ids.item_T.push_back(item_of_line[line + skipped]);
    line += CountNewlines(bytes);
  }
  ids.item_T.resize(num_tokens, kNoItem);  // EOS
  return ids;
}

}  // namespace

ItemIds FindItems(SegmenterSpec::ItemReading reading, std::span<const std::string> token_texts, bool ends_with_eos) {
  const size_t num_text_tokens = token_texts.size() - (ends_with_eos && !token_texts.empty() ? 1 : 0);
  const TokenText joined = JoinTokens(token_texts.first(num_text_tokens));
  return reading == SegmenterSpec::ITEM_READING_PARSED_LINES ? ByParsedLines(joined, token_texts.size())
                                                             : ByNewlines(joined, token_texts.size());
}

}  // namespace cohort::objective
