// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_TESTING_OWNED_BATCH_H_
#define COHORT_OBJECTIVE_TESTING_OWNED_BATCH_H_

// Batches that own their numbers, how they are cut, joined and evaluated.
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/status_macros.h"
#include "objective/objective.h"
#include "objective/token_batch.h"
#include "objective/update_statistics.h"

namespace cohort::objective {

// One sequence with all that a batch may hold of it; empty vectors are absent.
struct OwnedSequence {
  std::string label;
  int64_t group = 0;
  double advantage = 0;
  bool is_truncated = false;
  std::vector<double> token_advantages;
  std::vector<uint8_t> mask;
  std::vector<int64_t> subsentence_ends;
  std::vector<int64_t> item_ends;
  std::vector<double> policy, policy_entropy, proximal, proximal_entropy, behavior, reference;
};

// A view on it of the wanted type stays valid as long as the batch.
template <typename Real>
class OwnedBatch final {
 public:
  explicit OwnedBatch(const std::vector<OwnedSequence>& sequences) : sequences_(sequences) {
    cu_seqlens_.push_back(0);
    for (const OwnedSequence& sequence : sequences_) {
      cu_seqlens_.push_back(cu_seqlens_.back() + static_cast<int64_t>(sequence.policy.size()));
      rows_.push_back({.label = sequence.label,
                       .group = sequence.group,
                       .advantage = sequence.advantage,
                       .is_truncated = sequence.is_truncated,
                       .token_advantages = sequence.token_advantages,
                       .mask = sequence.mask,
                       .subsentence_ends = sequence.subsentence_ends,
                       .item_ends = sequence.item_ends});
      Append(sequence.policy, &policy_);
      Append(sequence.policy_entropy, &policy_entropy_);
      Append(sequence.proximal, &proximal_);
      Append(sequence.proximal_entropy, &proximal_entropy_);
      Append(sequence.behavior, &behavior_);
      Append(sequence.reference, &reference_);
    }
  }
  OwnedBatch(const OwnedBatch&) = delete;
  OwnedBatch& operator=(const OwnedBatch&) = delete;

  TokenBatch<Real> View() const {
    return {.cu_seqlens = cu_seqlens_,
            .sequences_S = rows_,
            .policy_logprobs_T = policy_,
            .policy_entropies_T = policy_entropy_,
            .proximal_logprobs_T = proximal_,
            .proximal_entropies_T = proximal_entropy_,
            .behavior_logprobs_T = behavior_,
            .reference_logprobs_T = reference_};
  }

 private:
  static void Append(const std::vector<double>& from, std::vector<Real>* to) {
    for (const double value : from) to->push_back(static_cast<Real>(value));
  }

  const std::vector<OwnedSequence> sequences_;
  std::vector<int64_t> cu_seqlens_;
  std::vector<BatchSequence> rows_;
  std::vector<Real> policy_, policy_entropy_, proximal_, proximal_entropy_, behavior_, reference_;
};

// Sequences of the microbatches of each rank.
using RankBatches = std::vector<std::vector<OwnedSequence>>;

// Statistics of an update over all ranks, as the learner finds them.
template <typename Real>
absl::StatusOr<UpdateStatistics> MeasureUpdate(const Objective& objective, const std::vector<RankBatches>& ranks,
                                               int64_t num_groups) {
  UpdateStatistics statistics = objective.BeginStatistics(num_groups);
  while (statistics.round < objective.num_statistic_rounds()) {
    StatisticSums total = objective.EmptySums(statistics);
    for (const RankBatches& batches : ranks) {
      StatisticSums of_rank = objective.EmptySums(statistics);
      for (const std::vector<OwnedSequence>& sequences : batches) {
        const OwnedBatch<Real> batch(sequences);
        COHORT_RETURN_IF_ERROR(objective.Measure(batch.View(), statistics, &of_rank));
      }
      for (size_t i = 0; i < total.sums.size(); ++i) total.sums[i] += of_rank.sums[i];
      for (size_t i = 0; i < total.maxima.size(); ++i) {
        total.maxima[i] = std::max(total.maxima[i], of_rank.maxima[i]);
      }
    }
    objective.Conclude(total, &statistics);
  }
  return statistics;
}

// Loss, gradients in order of the sequences and metric sums of a whole update cut in any way.
template <typename Real>
absl::StatusOr<LossAndGradient<Real>> Evaluate(const Objective& objective, const std::vector<RankBatches>& ranks,
                                               int64_t num_groups) {
  COHORT_ASSIGN_OR_RETURN(const UpdateStatistics statistics, MeasureUpdate<Real>(objective, ranks, num_groups));
  LossAndGradient<Real> total;
  for (const RankBatches& batches : ranks) {
    for (const std::vector<OwnedSequence>& sequences : batches) {
      const OwnedBatch<Real> batch(sequences);
      COHORT_ASSIGN_OR_RETURN(const LossAndGradient<Real> part, objective.ComputeLoss(batch.View(), statistics));
      total.loss += part.loss;
      total.gradient_T.insert(total.gradient_T.end(), part.gradient_T.begin(), part.gradient_T.end());
      total.entropy_gradient_T.insert(total.entropy_gradient_T.end(), part.entropy_gradient_T.begin(),
                                      part.entropy_gradient_T.end());
      AddMetrics(part.sums, &total.sums);
    }
  }
  return total;
}

// In one microbatch.
template <typename Real>
absl::StatusOr<LossAndGradient<Real>> Evaluate(const Objective& objective, const std::vector<OwnedSequence>& sequences,
                                               int64_t num_groups) {
  return Evaluate<Real>(objective, std::vector<RankBatches>{{sequences}}, num_groups);
}

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_TESTING_OWNED_BATCH_H_
