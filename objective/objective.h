// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_OBJECTIVE_H_
#define COHORT_OBJECTIVE_OBJECTIVE_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/objective_spec.pb.h"
#include "objective/loss_and_gradient.h"
#include "objective/token_batch.h"
#include "objective/update_statistics.h"

namespace cohort::objective {

// The loss of a resolved ObjectiveSpec (objective_resolution.h) on the host. Immutable, thread-safe. One update:
//
//   UpdateStatistics statistics = objective->BeginStatistics(num_groups);
//   while (statistics.round < objective->num_statistic_rounds()) {
//     StatisticSums sums = objective->EmptySums(statistics);
//     for (const auto& batch : batches) COHORT_RETURN_IF_ERROR(objective->Measure(batch, statistics, &sums));
//     // all-reduce sums.sums (sum) and sums.maxima (max) over ranks
//     objective->Conclude(sums, &statistics);
//   }
//   for (const auto& batch : batches) { auto result = objective->ComputeLoss(batch, statistics); ... }
//
// In a train step's first update the proximal policy is the policy: its tensors are then given as the proximal ones.
// Losses, gradients and metric sums of microbatches and ranks add up to those of the whole update, however it was cut.
class Objective final {
 public:
  // INVALID_ARGUMENT when the spec is not resolved.
  static absl::StatusOr<std::unique_ptr<Objective>> Create(const cohort::v1::ObjectiveSpec& spec);

  // False for cross-entropy on demonstrations: only x is needed.
  bool NeedsRollouts() const;
  // f of every token.
  bool NeedsReference() const;
  // H(o) of every token.
  bool NeedsProximalEntropies() const;
  // The sampler's log-probs are the proximal ones (mismatch.bypass): no proximal pass, o = b.
  bool UsesBehaviorAsProximal() const;
  // Statistics are over o or H(o), so both must be known for the whole update before its first backward, also in a
  // train step's first update, whose proximal policy is the policy itself. When false, Measure reads no log-probs.
  bool NeedsProximalPassBeforeStatistics() const;
  // Segments or credit follow the text of tokens: LayOutSequence needs it.
  bool NeedsTokenText() const;

  const cohort::v1::ObjectiveSpec& spec() const { return spec_; }

  int num_statistic_rounds() const;
  UpdateStatistics BeginStatistics(int64_t num_groups) const;
  StatisticSums EmptySums(const UpdateStatistics& statistics) const;
  // Adds one microbatch to the sums of the current round. INVALID_ARGUMENT as for ComputeLoss.
  template <typename Real>
  absl::Status Measure(const TokenBatch<Real>& batch, const UpdateStatistics& statistics, StatisticSums* sums) const;
  // Ends the round with the sums of all microbatches and ranks.
  void Conclude(const StatisticSums& sums, UpdateStatistics* statistics) const;

  // INVALID_ARGUMENT names the tensor that is missing or of the wrong length, and for a number that is not finite the
  // tensor, the sequence's label and the token; FAILED_PRECONDITION when rounds are missing.
  template <typename Real>
  absl::StatusOr<LossAndGradient<Real>> ComputeLoss(const TokenBatch<Real>& batch,
                                                    const UpdateStatistics& statistics) const;

 private:
  explicit Objective(const cohort::v1::ObjectiveSpec& spec) : spec_(spec) {}

  const cohort::v1::ObjectiveSpec spec_;
};

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_OBJECTIVE_H_
