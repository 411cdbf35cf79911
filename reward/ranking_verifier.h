// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_RANKING_VERIFIER_H_
#define COHORT_REWARD_RANKING_VERIFIER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cohort/v1/reward_spec.pb.h"
#include "reward/ranking_catalogue.h"
#include "reward/ranking_row.h"
#include "reward/verifier.h"

namespace cohort::reward {

// Judges a list of recommendations (ranking_list.h) against the row's ground truths. An item is a hit when the
// catalogue has exactly this title and year, the title was not seen, and a ground truth not hit so far has the title
// and a year at most 2 away: of several the nearest one, of two as near the later. Score.item_values are the hits of
// the first N items of the list as it stands (the training credit of Rank-GRPO); the value is a metric
// (ranking_metrics.h) of the items that are in the catalogue and were not seen (its evaluation). WRONG when there is no
// hit.
class RankingVerifier final : public Verifier {
 public:
  static absl::StatusOr<std::unique_ptr<Verifier>> Create(const cohort::v1::VerifierSpec& spec);

  // Loads the catalogue.
  void Prepare() override;
  cohort::v1::Score Judge(const cohort::v1::Problem& problem, std::string_view completion) override;
  // The ground truths as a list, with the catalogue's years. A ground truth that no list could hit is an error.
  absl::StatusOr<std::optional<std::string>> GoldCompletion(const cohort::v1::Problem& problem) override;

 private:
  explicit RankingVerifier(const cohort::v1::RankingVerifier& spec);

  bool IsOnOffer(const RankedItem& item, const RankingRow& row) const;
  double Value(const std::vector<int>& hits, int64_t num_truths) const;

  const cohort::v1::RankingVerifier spec_;
  const RankingFields fields_;
  absl::StatusOr<std::unique_ptr<const RankingCatalogue>> catalogue_ = nullptr;  // null before Prepare
};

}  // namespace cohort::reward

#endif  // COHORT_REWARD_RANKING_VERIFIER_H_
