// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_RANKING_LIST_H_
#define COHORT_REWARD_RANKING_LIST_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cohort::reward {

// One item of a recommendation list, and of a catalogue.
struct RankedItem {
  std::string title;  // as NormalizeTitle writes it
  int year = 0;       // 0 to 9999
};

// The item that a line names: after decoration, a title and the first " (YYYY)" of the line; what follows is ignored.
// nullopt for a line that names none. Linear in the line, whatever it holds.
std::optional<RankedItem> ParseRankingLine(std::string_view line);

// The items of a completion in order: one per line that names one, other lines are skipped. An item's position is its
// index here, as in the objective's reading by parsed lines. Linear in the completion.
std::vector<RankedItem> ParseRankingList(std::string_view completion);

// Takes the text up to the next line feed off `text`, and the line feed.
std::string_view TakeLine(std::string_view* text);

// A line that names the item.
std::string RankingLine(std::string_view title, int year);

}  // namespace cohort::reward

#endif  // COHORT_REWARD_RANKING_LIST_H_
