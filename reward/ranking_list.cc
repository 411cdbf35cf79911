// SPDX-License-Identifier: Apache-2.0
#include "reward/ranking_list.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "reward/ranking_title.h"

namespace cohort::reward {
namespace {

constexpr size_t kYearDigits = 4;
constexpr std::string_view kYearOpen = " (";

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

// The year that `text` starts with, as " (YYYY)".
std::optional<int> LeadingYear(std::string_view text) {
  const size_t close = kYearOpen.size() + kYearDigits;
  if (text.size() <= close || text[close] != ')') return std::nullopt;
  int year = 0;
  for (const char c : text.substr(kYearOpen.size(), kYearDigits)) {
    if (!IsDigit(c)) return std::nullopt;
    year = 10 * year + (c - '0');
  }
  return year;
}

}  // namespace

std::optional<RankedItem> ParseRankingLine(std::string_view line) {
  const std::string collapsed = CollapseSpaces(line);
  const std::string_view text = StripDecoration(collapsed);
  for (size_t at = text.find(kYearOpen, 1); at != std::string_view::npos; at = text.find(kYearOpen, at + 1)) {
    const std::optional<int> year = LeadingYear(text.substr(at));
    if (year.has_value()) return RankedItem{.title = NormalizeTitle(text.substr(0, at)), .year = *year};
  }
  return std::nullopt;
}

std::vector<RankedItem> ParseRankingList(std::string_view completion) {
  std::vector<RankedItem> items;
  while (!completion.empty()) {
    std::optional<RankedItem> item = ParseRankingLine(TakeLine(&completion));
    if (item.has_value()) items.push_back(*std::move(item));
  }
  return items;
}

std::string_view TakeLine(std::string_view* text) {
  const std::string_view line = text->substr(0, text->find('\n'));
  text->remove_prefix(std::min(line.size() + 1, text->size()));
  return line;
}

std::string RankingLine(std::string_view title, int year) {
  return absl::StrFormat("%s (%04d)", std::string(title), year);
}

}  // namespace cohort::reward
