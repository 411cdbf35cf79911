// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_WALL_BUDGET_H_
#define COHORT_KERNELS_TORCH_WALL_BUDGET_H_

#include <chrono>

namespace cohort::kernels {

// The wall time that a part of a benchmark may take, from the construction on. Who looks at it ends early and says so;
// nothing is interrupted. Immutable.
class WallBudget final {
 public:
  explicit WallBudget(double seconds) : seconds_(seconds) {}

  double seconds() const { return seconds_; }
  bool IsSpent() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count() > seconds_;
  }

 private:
  const double seconds_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_WALL_BUDGET_H_
