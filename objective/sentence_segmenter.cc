// SPDX-License-Identifier: Apache-2.0
#include "objective/sentence_segmenter.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "objective/token_text.h"

namespace cohort::objective {
namespace {

using cohort::v1::SegmenterSpec;

constexpr std::string_view kSentenceDelimiters[] = {".", "!", "?", "。", "！", "？", "…"};
constexpr std::string_view kSubsentenceDelimiters[] = {",", ";", ":", "，", "；", "：", "、"};
constexpr std::string_view kBlanks[] = {" ", "\t", "\r", "\n", "\v", "\f", "\u00a0", "\u3000"};
constexpr std::string_view kClosers[] = {")",  "]",  "}",  "\"", "'",  "”",  "’",  "»",
                                         "」", "』", "）", "】", "》", "〉", "＂", "＇"};

// The one of `candidates` that the text ends with; empty if none.
std::string_view EndsWithOneOf(std::string_view text, std::span<const std::string_view> candidates) {
  for (const std::string_view candidate : candidates) {
    if (text.ends_with(candidate)) return candidate;
  }
  return {};
}

std::string_view StripTrailing(std::string_view text, std::span<const std::string_view> first,
                               std::span<const std::string_view> second) {
  while (true) {
    std::string_view end = EndsWithOneOf(text, first);
    if (end.empty()) end = EndsWithOneOf(text, second);
    if (end.empty()) return text;
    text.remove_suffix(end.size());
  }
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Whether . , or : at `position` stands between two digits.
bool IsBetweenDigits(const std::string& text, size_t position) {
  const bool may_be_guarded = text[position] == '.' || text[position] == ',' || text[position] == ':';
  return may_be_guarded && position > 0 && position + 1 < text.size() && IsDigit(text[position - 1]) &&
         IsDigit(text[position + 1]);
}

bool EndsSegment(const SegmenterSpec& spec, const TokenText& joined, size_t token) {
  const std::string_view characters = joined.CharactersOf(token);
  if (characters.find('\n') != std::string_view::npos) return true;
  const std::string_view stripped = StripTrailing(characters, kBlanks, kClosers);
  std::string_view delimiter = EndsWithOneOf(stripped, kSentenceDelimiters);
  if (delimiter.empty() && spec.delimiters() == SegmenterSpec::DELIMITERS_SUBSENTENCE) {
    delimiter = EndsWithOneOf(stripped, kSubsentenceDelimiters);
  }
  if (delimiter.empty()) return false;
  const size_t position = joined.char_begins[token] + stripped.size() - delimiter.size();
  return !(spec.decimal_guard() && IsBetweenDigits(joined.text, position));
}

// A token that adds nothing visible: blanks, or no bytes at all.
bool IsBlank(const TokenText& joined, size_t token) {
  if (joined.BytesOf(token).empty()) return true;
  const std::string_view characters = joined.CharactersOf(token);
  return !characters.empty() && StripTrailing(characters, kBlanks, {}).empty();
}

// Short segments join the next one, a short last one the one before.
std::vector<int64_t> MergeShort(const std::vector<int64_t>& ends, int64_t min_tokens) {
  std::vector<int64_t> merged;
  int64_t begin = 0;
  for (const int64_t end : ends) {
    if (end - begin < min_tokens) continue;
    merged.push_back(end);
    begin = end;
  }
  if (!ends.empty() && begin != ends.back()) {
    if (!merged.empty()) merged.pop_back();
    merged.push_back(ends.back());
  }
  return merged;
}

}  // namespace

std::vector<int64_t> SentenceEnds(const SegmenterSpec& spec, std::span<const std::string> token_texts,
                                  bool ends_with_eos) {
  const size_t num_text_tokens = token_texts.size() - (ends_with_eos && !token_texts.empty() ? 1 : 0);
  const TokenText joined = JoinTokens(token_texts.first(num_text_tokens));
  std::vector<int64_t> ends;
  for (size_t token = 0; token < num_text_tokens; ++token) {
    const bool was_ended = !ends.empty() && ends.back() == static_cast<int64_t>(token);
    if (was_ended && IsBlank(joined, token)) {
      ends.back() = static_cast<int64_t>(token) + 1;
    } else if (EndsSegment(spec, joined, token)) {
      ends.push_back(static_cast<int64_t>(token) + 1);
    }
  }
  const int64_t num_text = static_cast<int64_t>(num_text_tokens);
  if (num_text > 0 && (ends.empty() || ends.back() != num_text)) ends.push_back(num_text);
  const int64_t num_tokens = static_cast<int64_t>(token_texts.size());
  if (num_tokens > num_text) {
    if (spec.attach_eos() && !ends.empty()) {
      ends.back() = num_tokens;
    } else {
      ends.push_back(num_tokens);
    }
  }
  return MergeShort(ends, spec.min_tokens());
}

}  // namespace cohort::objective
