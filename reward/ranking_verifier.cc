// SPDX-License-Identifier: Apache-2.0
#include "reward/ranking_verifier.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "reward/ranking_list.h"
#include "reward/ranking_metrics.h"
#include "reward/score.h"
#include "reward/verifier_defaults.h"

namespace cohort::reward {
namespace {

constexpr size_t kMaxCompletionBytes = size_t{1} << 20;
constexpr int kMaxItems = 1000;
constexpr int kYearTolerance = 2;

// The ground truths that were not hit yet, by title and year.
class OpenTruths final {
 public:
  explicit OpenTruths(const std::vector<TitledItem>& truths) {
    for (const TitledItem& truth : truths) ++counts_[truth.item.title][truth.item.year];
  }

  // Takes the ground truth that the item hits, if there is one.
  bool Take(const RankedItem& item) {
    const auto found = counts_.find(item.title);
    if (found == counts_.end()) return false;
    for (int distance = 0; distance <= kYearTolerance; ++distance) {
      for (const int year : {item.year + distance, item.year - distance}) {
        const auto count = found->second.find(year);
        if (count == found->second.end() || count->second == 0) continue;
        --count->second;
        return true;
      }
    }
    return false;
  }

 private:
  std::unordered_map<std::string, std::unordered_map<int, int>> counts_;
};

}  // namespace

RankingVerifier::RankingVerifier(const cohort::v1::RankingVerifier& spec)
    : spec_(spec), fields_({.truths = spec_.truths_field(), .seen = spec_.seen_field()}) {}

absl::StatusOr<std::unique_ptr<Verifier>> RankingVerifier::Create(const cohort::v1::VerifierSpec& spec) {
  cohort::v1::RankingVerifier ranking = spec.ranking();
  SetDefaults(&ranking);
  if (ranking.catalogue_path().empty()) return common::InvalidField("ranking.catalogue_path", "", "names no file");
  if (ranking.num_items() < 0 || ranking.num_items() > kMaxItems) {
    return common::InvalidField("ranking.num_items", absl::StrCat(ranking.num_items()),
                                absl::StrCat("must be from 1 to ", kMaxItems));
  }
  if (!cohort::v1::RankingVerifier::Metric_IsValid(ranking.metric())) {
    return common::InvalidField("ranking.metric", absl::StrCat(ranking.metric()), "is none of the metrics");
  }
  return std::unique_ptr<Verifier>(new RankingVerifier(ranking));
}

void RankingVerifier::Prepare() { catalogue_ = RankingCatalogue::Load(spec_.catalogue_path()); }

cohort::v1::Score RankingVerifier::Judge(const cohort::v1::Problem& problem, std::string_view completion) {
  if (catalogue_.ok() && *catalogue_ == nullptr) Prepare();
  if (!catalogue_.ok()) return NoVerdictScore(absl::StrCat("catalogue: ", catalogue_.status().message()));
  const absl::StatusOr<RankingRow> row = ParseRankingRow(problem.row_json(), fields_);
  if (!row.ok()) return NoVerdictScore(std::string(row.status().message()));

  const bool is_too_long = completion.size() > kMaxCompletionBytes;
  const std::vector<RankedItem> items = is_too_long ? std::vector<RankedItem>{} : ParseRankingList(completion);
  std::vector<double> item_values(static_cast<size_t>(spec_.num_items()), 0.0);
  std::vector<int> hits;  // of the items on offer
  OpenTruths open(row->truths);
  for (size_t i = 0; i < items.size(); ++i) {
    if (!IsOnOffer(items[i], *row)) continue;
    hits.push_back(open.Take(items[i]) ? 1 : 0);
    if (i < item_values.size()) item_values[i] = hits.back();
  }
  cohort::v1::Score score;
  if (is_too_long) {
    score = WrongScore(absl::StrCat("longer than ", kMaxCompletionBytes, " bytes (", completion.size(), ")"));
  } else if (items.empty()) {
    score = WrongScore("no line names an item as \"title (year)\"");
  } else if (const double value = Value(hits, static_cast<int64_t>(row->truths.size())); value > 0) {
    score = GradedScore(value);
  } else {
    score = WrongScore(absl::StrCat("no hit among the first ", spec_.num_items(), " of ", items.size(), " items"));
  }
  score.mutable_item_values()->Assign(item_values.begin(), item_values.end());
  return score;
}

absl::StatusOr<std::optional<std::string>> RankingVerifier::GoldCompletion(const cohort::v1::Problem& problem) {
  if (catalogue_.ok() && *catalogue_ == nullptr) Prepare();
  COHORT_RETURN_IF_ERROR(common::PrefixMessage(catalogue_.status(), "catalogue"));
  COHORT_ASSIGN_OR_RETURN(const RankingRow row, ParseRankingRow(problem.row_json(), fields_));
  if (spec_.metric() == cohort::v1::RankingVerifier::METRIC_RECALL &&
      row.truths.size() > static_cast<size_t>(spec_.num_items())) {
    return absl::InvalidArgumentError(
        absl::StrCat("no list of ", spec_.num_items(), " items recalls ", row.truths.size(), " ground truths"));
  }
  std::vector<std::string> lines;
  for (const TitledItem& truth : row.truths) {
    const std::optional<int> year = (*catalogue_)->NearestYear(truth.item, kYearTolerance);
    if (!year.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat("the catalogue lacks the ground truth ",
                                                     Quoted(RankingLine(truth.written_title, truth.item.year))));
    }
    if (row.seen.count(truth.item.title) > 0) {
      return absl::InvalidArgumentError(absl::StrCat("the ground truth ", Quoted(truth.written_title), " was seen"));
    }
    lines.push_back(RankingLine(truth.written_title, *year));
  }
  return absl::StrJoin(lines, "\n");
}

bool RankingVerifier::IsOnOffer(const RankedItem& item, const RankingRow& row) const {
  return row.seen.count(item.title) == 0 && (*catalogue_)->Contains(item);
}

double RankingVerifier::Value(const std::vector<int>& hits, int64_t num_truths) const {
  const int64_t k = spec_.num_items();
  switch (spec_.metric()) {
    case cohort::v1::RankingVerifier::METRIC_RECALL:
      return RecallAt(hits, num_truths, k);
    case cohort::v1::RankingVerifier::METRIC_NDCG_FULL_LIST:
      return NdcgAt(hits, num_truths, k, /*ideal_length=*/k);
    default:
      return NdcgAt(hits, num_truths, k, /*ideal_length=*/static_cast<int64_t>(hits.size()));
  }
}

}  // namespace cohort::reward
