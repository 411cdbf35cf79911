// SPDX-License-Identifier: Apache-2.0
#include "learner/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace cohort::learner {

double LearningRate(const cohort::v1::OptimizerSpec& spec, int64_t update, int64_t num_updates) {
  const double full = spec.learning_rate();
  const int64_t warmup = spec.warmup_updates();
  if (update < warmup) return full * static_cast<double>(update + 1) / static_cast<double>(warmup);
  const double falling_updates = static_cast<double>(std::max<int64_t>(1, num_updates - warmup));
  const double progress = std::min(1.0, static_cast<double>(update - warmup) / falling_updates);
  switch (spec.schedule()) {
    case cohort::v1::LEARNING_RATE_SCHEDULE_LINEAR:
      return full * (1.0 - progress);
    case cohort::v1::LEARNING_RATE_SCHEDULE_COSINE:
      return full * 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
    default:
      return full;
  }
}

}  // namespace cohort::learner
