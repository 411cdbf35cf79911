// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_RANKING_ROW_H_
#define COHORT_REWARD_RANKING_ROW_H_

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"
#include "reward/ranking_list.h"

namespace cohort::reward {

// {"title", "year"} of a catalogue line or a ground truth: the item, and its title as it was written.
struct TitledItem {
  std::string written_title;
  RankedItem item;
};

// INVALID_ARGUMENT says what is missing or wrong, with the value.
absl::StatusOr<TitledItem> ParseTitledItem(const nlohmann::json& value);

// What a row says of the items that are looked for. Plain record.
struct RankingRow {
  std::vector<TitledItem> truths;        // at least one
  std::unordered_set<std::string> seen;  // normalised titles
};

// Names of the row's fields; a row without the field of seen titles has none.
struct RankingFields {
  std::string truths;
  std::string seen;
};

// INVALID_ARGUMENT names the field and the value. At most 1000 ground truths.
absl::StatusOr<RankingRow> ParseRankingRow(std::string_view row_json, const RankingFields& fields);

}  // namespace cohort::reward

#endif  // COHORT_REWARD_RANKING_ROW_H_
