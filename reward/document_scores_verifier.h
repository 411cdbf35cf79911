// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_DOCUMENT_SCORES_VERIFIER_H_
#define COHORT_REWARD_DOCUMENT_SCORES_VERIFIER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cohort/v1/reward_spec.pb.h"
#include "reward/verifier.h"

namespace cohort::reward {

// Judges the scores that a completion gives to the documents of its prompt (document_scores.h) against the row's gold
// scores, by one metric; a rubric of several is the reward of GroupRank (arXiv 2511.11653). WRONG when the completion
// holds no such scores, except under METRIC_MALFORMED, which grades just that. Immutable.
class DocumentScoresVerifier final : public Verifier {
 public:
  static absl::StatusOr<std::unique_ptr<Verifier>> Create(const cohort::v1::VerifierSpec& spec);

  cohort::v1::Score Judge(const cohort::v1::Problem& problem, std::string_view completion) override;
  // The gold scores as a list. A row that no completion could earn a 1 on is an error.
  absl::StatusOr<std::optional<std::string>> GoldCompletion(const cohort::v1::Problem& problem) override;

 private:
  explicit DocumentScoresVerifier(const cohort::v1::DocumentScoresVerifier& spec) : spec_(spec) {}

  absl::StatusOr<std::vector<double>> GoldScores(const cohort::v1::Problem& problem) const;
  int64_t NumRelevant(const std::vector<double>& gold) const;
  double Value(const std::vector<double>& predicted, const std::vector<double>& gold) const;

  const cohort::v1::DocumentScoresVerifier spec_;  // with every default filled in
};

}  // namespace cohort::reward

#endif  // COHORT_REWARD_DOCUMENT_SCORES_VERIFIER_H_
