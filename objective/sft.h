// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_SFT_H_
#define COHORT_OBJECTIVE_SFT_H_

#include "absl/status/statusor.h"
#include "cohort/v1/objective_spec.pb.h"
#include "objective/objective.h"

namespace cohort::objective {

// Cross-entropy on demonstrations: L = -sum_t omega_t x_t, dL/dx_t = -omega_t, with omega from loss_reduction.h.
// Immutable, thread-safe.
class SftObjective final : public Objective {
 public:
  explicit SftObjective(const cohort::v1::SftObjective& spec);

  bool NeedsRollouts() const override { return false; }
  // Demonstrations have no reward: 0 throughout.
  GroupAdvantages ComputeAdvantages(const GroupRewards& group) const override;
  absl::StatusOr<LossAndGradient> ComputeLoss(const TokenBatch& batch, const Denominators& totals) const override;

 private:
  const cohort::v1::LossReduction loss_reduction_;
};

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_SFT_H_
