// SPDX-License-Identifier: Apache-2.0
#include "reward/ranking_row.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "reward/ranking_title.h"
#include "reward/score.h"

namespace cohort::reward {
namespace {

using nlohmann::json;

constexpr size_t kMaxTruths = 1000;
constexpr int64_t kMaxYear = 9999;  // a list writes it with four digits

std::string Shown(const json& value) {
  return Quoted(value.dump(/*indent=*/-1, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace));
}

}  // namespace

absl::StatusOr<TitledItem> ParseTitledItem(const json& value) {
  if (!value.is_object()) {
    return absl::InvalidArgumentError(value.is_discarded() ? "not JSON"
                                                           : absl::StrCat("not a JSON object (", Shown(value), ")"));
  }
  const auto title = value.find("title");
  if (title == value.end() || !title->is_string()) {
    return absl::InvalidArgumentError(absl::StrCat("\"title\" is not a text (", Shown(value), ")"));
  }
  TitledItem item = {.written_title = CollapseSpaces(title->get<std::string>()), .item = {}};
  item.item.title = NormalizeTitle(item.written_title);
  if (item.item.title.empty())
    return absl::InvalidArgumentError(absl::StrCat("\"title\" is empty (", Shown(value), ")"));
  const auto year = value.find("year");
  // A number above INT64_MAX reads as a negative one.
  const int64_t number = year != value.end() && year->is_number_integer() ? year->get<int64_t>() : -1;
  if (number < 0 || number > kMaxYear) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"year\" is not a whole number from 0 to ", kMaxYear, " (", Shown(value), ")"));
  }
  item.item.year = static_cast<int>(number);
  return item;
}

absl::StatusOr<RankingRow> ParseRankingRow(std::string_view row_json, const RankingFields& fields) {
  const json row = json::parse(row_json, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!row.is_object()) return absl::InvalidArgumentError("the row is not a JSON object");
  const auto truths = row.find(fields.truths);
  if (truths == row.end() || !truths->is_array() || truths->empty() || truths->size() > kMaxTruths) {
    return absl::InvalidArgumentError(absl::StrCat("field ", Quoted(fields.truths),
                                                   " of the row is not a list of 1 to ", kMaxTruths,
                                                   " objects with \"title\" and \"year\""));
  }
  RankingRow parsed;
  for (const json& value : *truths) {
    absl::StatusOr<TitledItem> truth = ParseTitledItem(value);
    if (!truth.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("field ", Quoted(fields.truths), " of the row: ", truth.status().message()));
    }
    parsed.truths.push_back(*std::move(truth));
  }
  const auto seen = row.find(fields.seen);
  if (seen == row.end() || seen->is_null()) return parsed;
  const auto is_text = [](const json& title) { return title.is_string(); };
  if (!seen->is_array() || !std::all_of(seen->begin(), seen->end(), is_text)) {
    return absl::InvalidArgumentError(
        absl::StrCat("field ", Quoted(fields.seen), " of the row is not a list of titles (", Shown(*seen), ")"));
  }
  for (const json& title : *seen) parsed.seen.insert(NormalizeTitle(title.get<std::string>()));
  return parsed;
}

}  // namespace cohort::reward
