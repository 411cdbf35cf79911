// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_PHASE_TIMER_H_
#define COHORT_LEARNER_PHASE_TIMER_H_

// Torch-free.
#include <array>
#include <cstddef>

#include "absl/time/time.h"
#include "common/clock.h"

namespace cohort::learner {

// What a rank spends the time of a train step on. kWait is waiting for the plan.
enum class Phase { kWait, kPrepare, kProximal, kForward, kObjective, kBackward, kReduce, kOptimizer, kDigest };
inline constexpr std::array<const char*, 9> kPhaseNames = {"wait",     "prepare", "proximal",  "forward", "objective",
                                                           "backward", "reduce",  "optimizer", "digest"};

// Seconds per phase: each Mark ends a phase that began with the Mark (or Restart) before it. Not thread-safe; the clock
// must outlive it.
class PhaseTimer final {
 public:
  explicit PhaseTimer(common::Clock* clock) : clock_(clock), last_(clock->Monotonic()) {}

  void Restart() { last_ = clock_->Monotonic(); }
  void Mark(Phase phase) {
    const absl::Duration now = clock_->Monotonic();
    seconds_[static_cast<size_t>(phase)] += absl::ToDoubleSeconds(now - last_);
    last_ = now;
  }
  double Seconds(Phase phase) const { return seconds_[static_cast<size_t>(phase)]; }

 private:
  common::Clock* clock_;
  absl::Duration last_;
  std::array<double, kPhaseNames.size()> seconds_ = {};
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_PHASE_TIMER_H_
