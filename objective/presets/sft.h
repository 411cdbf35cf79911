// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_PRESETS_SFT_H_
#define COHORT_OBJECTIVE_PRESETS_SFT_H_

namespace cohort::objective {

// Cross-entropy on demonstrations.
//
//   L = -sum_t omega_t x_t          dL/dx_t = -omega_t
inline constexpr char kSftPreset[] = R"pb(
  loss_reduction: LOSS_REDUCTION_TOKEN_MEAN
)pb";

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_PRESETS_SFT_H_
