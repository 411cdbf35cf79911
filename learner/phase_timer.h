// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_PHASE_TIMER_H_
#define COHORT_LEARNER_PHASE_TIMER_H_

// Torch-free.
#include <array>
#include <cstddef>
#include <optional>

#include "absl/time/time.h"
#include "common/clock.h"
#include "common/time_anchor.h"

namespace cohort::learner {

// What a rank spends the time of a train step on. kWait is waiting for the plan.
enum class Phase { kWait, kPrepare, kProximal, kForward, kObjective, kBackward, kReduce, kOptimizer, kDigest };
inline constexpr std::array<const char*, 9> kPhaseNames = {"wait",     "prepare", "proximal",  "forward", "objective",
                                                           "backward", "reduce",  "optimizer", "digest"};

// Seconds per phase: each Mark ends a phase that began with the Mark (or Restart) before it. A phase that comes again
// lasts from its first begin to its last end, with breaks that its seconds do not count. Not thread-safe; the clock
// must outlive it.
class PhaseTimer final {
 public:
  explicit PhaseTimer(common::Clock* clock) : clock_(clock), anchor_(clock), last_(clock->Monotonic()) {}

  void Restart() { last_ = clock_->Monotonic(); }
  void Mark(Phase phase) {
    const absl::Duration now = clock_->Monotonic();
    const auto p = static_cast<size_t>(phase);
    seconds_[p] += absl::ToDoubleSeconds(now - last_);
    if (!begins_[p].has_value()) begins_[p] = anchor_.At(last_);
    ends_[p] = anchor_.At(now);
    last_ = now;
  }
  double Seconds(Phase phase) const { return seconds_[static_cast<size_t>(phase)]; }
  // Nullopt when there was no such phase.
  std::optional<absl::Time> FirstBegin(Phase phase) const { return begins_[static_cast<size_t>(phase)]; }
  absl::Time LastEnd(Phase phase) const { return ends_[static_cast<size_t>(phase)]; }

 private:
  common::Clock* clock_;
  common::TimeAnchor anchor_;
  absl::Duration last_;
  std::array<double, kPhaseNames.size()> seconds_ = {};
  std::array<std::optional<absl::Time>, kPhaseNames.size()> begins_;
  std::array<absl::Time, kPhaseNames.size()> ends_ = {};
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_PHASE_TIMER_H_
