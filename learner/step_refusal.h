// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_STEP_REFUSAL_H_
#define COHORT_LEARNER_STEP_REFUSAL_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "learner/microbatch_gradient.h"
#include "learner/phase_timer.h"
#include "learner/prepared_update.h"
#include "learner/step_data.h"
#include "learner/train_state.h"
#include "model/parallel/process_group.h"

namespace cohort::learner {

// Keeps what a rank had when it met a number that is not finite, and returns where; empty: nowhere. Must not use the
// group.
using FailureKeeper = std::function<std::string(const FailedUpdate& failed)>;

// The end of a train step whose numbers are not finite, before its update. Every rank calls the same method at the same
// time, those too that met nothing. Not thread-safe; the pointers must outlive it.
class StepRefusal final {
 public:
  // `keep` may be null.
  StepRefusal(FailureKeeper keep, const MicrobatchGradient* microbatch, model::ProcessGroup* group,
              const TrainState* state)
      : keep_(std::move(keep)), microbatch_(microbatch), group_(group), state_(state) {}

  // `met`: what this rank has to say of the update; OK: nothing. INVALID_ARGUMENT, which names version and update. The
  // ranks that did not meet it wait until those that did destroy their group: UNAVAILABLE, or DEADLINE_EXCEEDED, as for
  // any peer that is lost.
  absl::Status Refuse(const absl::Status& met, FailedUpdate failed) const;

  // The same for a gradient whose norm over all ranks is not finite. Unless a rank met a loss that is not finite
  // either, each looks for the sequences to blame, in one more pass over what it has. Ranks that share the weights of
  // layers do not: none could make a pass without the others.
  absl::Status RefuseGradient(const UpdateData& data, FailedUpdate failed, double norm, absl::Status met,
                              PhaseTimer* timer) const;

  // "train step 3 -> 4 update 0".
  std::string Where(int64_t update) const;

 private:
  absl::Status SearchGradient(const UpdateData& data, const PreparedUpdate& prepared, double norm,
                              PhaseTimer* timer) const;
  absl::StatusOr<std::vector<int>> RanksThatMet(const absl::Status& met) const;
  absl::Status Together(const std::function<absl::Status()>& work) const;
  absl::Status Stop(const absl::Status& met, FailedUpdate failed) const;

  const FailureKeeper keep_;
  const MicrobatchGradient* const microbatch_;
  model::ProcessGroup* const group_;
  const TrainState* const state_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_STEP_REFUSAL_H_
