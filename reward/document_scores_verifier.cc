// SPDX-License-Identifier: Apache-2.0
#include "reward/document_scores_verifier.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"
#include "reward/document_scores.h"
#include "reward/ranking_metrics.h"
#include "reward/score.h"
#include "reward/score_agreement.h"
#include "reward/verifier_defaults.h"

namespace cohort::reward {
namespace {

using Metric = cohort::v1::DocumentScoresVerifier;

constexpr size_t kMaxCompletionBytes = size_t{1} << 20;
constexpr size_t kMaxDocuments = 1000;
// The paper's penalties of -0.5 and -0.1 are this metric with the weight -0.5.
constexpr double kNoTagsValue = 1;
constexpr double kNoScoresValue = 0.2;

}  // namespace

absl::StatusOr<std::unique_ptr<Verifier>> DocumentScoresVerifier::Create(const cohort::v1::VerifierSpec& spec) {
  cohort::v1::DocumentScoresVerifier scores = spec.document_scores();
  SetDefaults(&scores);
  if (scores.num_documents() < 0) {
    return common::InvalidField("document_scores.num_documents", absl::StrCat(scores.num_documents()),
                                "must be at least 1");
  }
  if (!(scores.max_score() > 0 && std::isfinite(scores.max_score()))) {
    return common::InvalidField("document_scores.max_score", absl::StrCat(scores.max_score()),
                                "must be finite and greater than 0");
  }
  if (!Metric::Metric_IsValid(scores.metric())) {
    return common::InvalidField("document_scores.metric", absl::StrCat(scores.metric()), "is none of the metrics");
  }
  return std::unique_ptr<Verifier>(new DocumentScoresVerifier(scores));
}

cohort::v1::Score DocumentScoresVerifier::Judge(const cohort::v1::Problem& problem, std::string_view completion) {
  const absl::StatusOr<std::vector<double>> gold = GoldScores(problem);
  if (!gold.ok()) return NoVerdictScore(std::string(gold.status().message()));
  absl::StatusOr<std::vector<double>> predicted =
      absl::InvalidArgumentError(absl::StrCat("longer than ", kMaxCompletionBytes, " bytes (", completion.size(), ")"));
  if (completion.size() <= kMaxCompletionBytes) {
    predicted = ParseDocumentScores(completion, static_cast<int64_t>(gold->size()), spec_.max_score());
  }
  if (spec_.metric() == Metric::METRIC_MALFORMED) {
    return GradedScore(predicted.ok() ? 0 : absl::IsNotFound(predicted.status()) ? kNoTagsValue : kNoScoresValue);
  }
  if (!predicted.ok()) return WrongScore(std::string(predicted.status().message()));
  return GradedScore(Value(*predicted, *gold));
}

absl::StatusOr<std::optional<std::string>> DocumentScoresVerifier::GoldCompletion(const cohort::v1::Problem& problem) {
  COHORT_ASSIGN_OR_RETURN(const std::vector<double> gold, GoldScores(problem));
  const std::string field = absl::StrCat("field ", Quoted(spec_.scores_field()), " of the row: ");
  if (spec_.metric() == Metric::METRIC_NDCG && *std::max_element(gold.begin(), gold.end()) == 0) {
    return absl::InvalidArgumentError(absl::StrCat(field, "every score is 0, so no order is better than another"));
  }
  const int64_t num_relevant = NumRelevant(gold);
  if (spec_.metric() == Metric::METRIC_RECALL && (num_relevant == 0 || num_relevant > spec_.num_documents())) {
    return absl::InvalidArgumentError(absl::StrCat(field, "must have 1 to ", spec_.num_documents(),
                                                   " documents of at least ", spec_.relevant_from(), " (", num_relevant,
                                                   ")"));
  }
  return absl::StrCat("<answer>", nlohmann::json(gold).dump(), "</answer>");
}

absl::StatusOr<std::vector<double>> DocumentScoresVerifier::GoldScores(const cohort::v1::Problem& problem) const {
  const nlohmann::json row = nlohmann::json::parse(problem.row_json(), /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!row.is_object()) return absl::InvalidArgumentError("the row is not a JSON object");
  const auto scores = row.find(spec_.scores_field());
  const auto is_score = [this](const nlohmann::json& score) {
    return score.is_number() && score.get<double>() >= 0 && score.get<double>() <= spec_.max_score();
  };
  if (scores == row.end() || !scores->is_array() || scores->empty() || scores->size() > kMaxDocuments ||
      !std::all_of(scores->begin(), scores->end(), is_score)) {
    return absl::InvalidArgumentError(absl::StrCat("field ", Quoted(spec_.scores_field()),
                                                   " of the row is not a list of 1 to ", kMaxDocuments,
                                                   " numbers from 0 to ", spec_.max_score()));
  }
  return scores->get<std::vector<double>>();
}

int64_t DocumentScoresVerifier::NumRelevant(const std::vector<double>& gold) const {
  return std::count_if(gold.begin(), gold.end(), [this](double score) { return score >= spec_.relevant_from(); });
}

double DocumentScoresVerifier::Value(const std::vector<double>& predicted, const std::vector<double>& gold) const {
  if (spec_.metric() == Metric::METRIC_AGREEMENT) return ScoreAgreement(predicted, gold);
  const std::vector<double> ordered = GoldInPredictedOrder(predicted, gold);
  if (spec_.metric() == Metric::METRIC_NDCG) return GradedNdcgAt(ordered, spec_.num_documents());
  std::vector<int> hits;
  for (const double score : ordered) hits.push_back(score >= spec_.relevant_from() ? 1 : 0);
  // Preflight refuses rows without a relevant document; here they are worth nothing.
  return RecallAt(hits, std::max<int64_t>(1, NumRelevant(gold)), spec_.num_documents());
}

}  // namespace cohort::reward
