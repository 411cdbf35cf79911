// SPDX-License-Identifier: Apache-2.0
#include "reward/verifier_defaults.h"

#include <cstdint>

namespace cohort::reward {
namespace {

constexpr int64_t kMaxMemoryBytes = int64_t{1} << 30;
constexpr int32_t kRankedItems = 20;
constexpr int32_t kDocuments = 10;
constexpr double kMaxScore = 10;

}  // namespace

void SetDefaults(cohort::v1::CountdownVerifier* countdown) {
  if (countdown->numbers_field().empty()) countdown->set_numbers_field("numbers");
  if (countdown->target_field().empty()) countdown->set_target_field("target");
}

void SetDefaults(cohort::v1::CommandVerifier* command) {
  if (command->max_memory_bytes() == 0) command->set_max_memory_bytes(kMaxMemoryBytes);
}

void SetDefaults(cohort::v1::RankingVerifier* ranking) {
  if (ranking->num_items() == 0) ranking->set_num_items(kRankedItems);
  if (ranking->truths_field().empty()) ranking->set_truths_field("truths");
  if (ranking->seen_field().empty()) ranking->set_seen_field("seen");
  if (ranking->metric() == cohort::v1::RankingVerifier::METRIC_UNSPECIFIED) {
    ranking->set_metric(cohort::v1::RankingVerifier::METRIC_NDCG);
  }
}

void SetDefaults(cohort::v1::DocumentScoresVerifier* scores) {
  if (scores->scores_field().empty()) scores->set_scores_field("scores");
  if (scores->num_documents() == 0) scores->set_num_documents(kDocuments);
  if (scores->max_score() == 0) scores->set_max_score(kMaxScore);
  if (scores->relevant_from() == 0) scores->set_relevant_from(scores->max_score() / 2);
  if (scores->metric() == cohort::v1::DocumentScoresVerifier::METRIC_UNSPECIFIED) {
    scores->set_metric(cohort::v1::DocumentScoresVerifier::METRIC_NDCG);
  }
}

}  // namespace cohort::reward
