// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_GRPO_H_
#define COHORT_OBJECTIVE_GRPO_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cohort/v1/objective_spec.pb.h"
#include "objective/objective.h"

namespace cohort::objective {

// Group-relative policy optimisation with token ratios (DeepSeekMath, arXiv 2402.03300), separate clip bounds (DAPO,
// arXiv 2503.14476) and global loss denominators. With r_t = exp(x_t - o_t):
//
//   L = sum_t omega_t max(-A r_t, -A clip(r_t, 1 - clip_low, 1 + clip_high))
//   dL/dx_t = -omega_t A r_t [A > 0 and r_t <= 1 + clip_high  or  A < 0 and r_t >= 1 - clip_low]
//
// A comes from advantage.h, omega from loss_reduction.h. Immutable, thread-safe.
class GrpoObjective final : public Objective {
 public:
  // The spec has passed objective_spec_check.h.
  explicit GrpoObjective(const cohort::v1::GrpoObjective& spec);

  bool NeedsRollouts() const override { return true; }
  GroupAdvantages ComputeAdvantages(const GroupRewards& group) const override;
  absl::StatusOr<LossAndGradient> ComputeLoss(const TokenBatch& batch, const Denominators& totals) const override;

 private:
  const double clip_low_;
  const double clip_high_;
  const cohort::v1::LossReduction loss_reduction_;
  const cohort::v1::AdvantageScale advantage_scale_;
  const double advantage_epsilon_;
};

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_GRPO_H_
