// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_STEP_GRADIENT_H_
#define COHORT_LEARNER_STEP_GRADIENT_H_

// Shapes: T trained tokens of a microbatch.
#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "learner/batch/microbatch.h"
#include "learner/loss_batch.h"
#include "learner/phase_timer.h"
#include "learner/run_together.h"
#include "learner/step_data.h"
#include "learner/step_totals.h"
#include "learner/train_state.h"
#include "model/decoder.h"
#include "model/parallel/process_group.h"
#include "objective/objective.h"

namespace cohort::learner {

// One update of a step with everything that is constant during its backward passes.
struct PreparedUpdate {
  std::vector<Microbatch> microbatches;
  // Per microbatch, on the host. The policy's own numbers are not in it; without proximal ones the policy is the
  // proximal policy.
  std::vector<TokenNumbers> numbers;
  objective::UpdateStatistics statistics;
};

// How gradients are computed; nothing here changes them but by rounding, except the temperature.
struct GradientOptions {
  int64_t max_tokens_per_microbatch = 8192;
  double temperature = 1;  // of the distribution whose log-probs are trained
};

// The gradients of one train step's updates under one objective, over all ranks:
//
//   Prepare  at the step's start: proximal log-probs of every update but the first (whose policy is still the proximal
//            policy; of the first too where the objective's statistics need them), reference log-probs, statistics
//   Compute  per update: per microbatch forward -> log-probs -> objective -> backward; the sums over ranks of the
//            buckets (flat_layout.h) begin during the last microbatch's backward, each when all ranks have it
//
// Every rank of the group calls both at the same time, also one without sequences. Denominators cover an update over
// all ranks, so the result does not depend on the cut into microbatches and ranks beyond rounding. Not thread-safe; the
// pointers must outlive it.
class StepGradient final {
 public:
  // `reference` may be null unless the objective needs one.
  StepGradient(const GradientOptions& options, const objective::Objective* objective, const model::Decoder* reference,
               model::ProcessGroup* group, TrainState* state)
      : options_(options), objective_(objective), reference_(reference), group_(group), state_(state) {}

  // INVALID_ARGUMENT: a number is not finite, the message names version, update and sequence. The ranks that did not
  // meet it themselves wait until those that did destroy their group: UNAVAILABLE, or DEADLINE_EXCEEDED, as for any
  // peer that is lost.
  absl::StatusOr<std::vector<PreparedUpdate>> Prepare(const StepData& data, PhaseTimer* timer) const;

  // Writes the gradient of update `update` into the state's gradients (those that this rank updates, where the
  // optimizer is sharded) and adds its sums to `totals`; returns the norm over all ranks. Errors as Prepare; also when
  // the gradient is not finite.
  absl::StatusOr<double> Compute(const StepData& data, const std::vector<PreparedUpdate>& prepared, int64_t update,
                                 StepTotals* totals, PhaseTimer* timer) const;

 private:
  absl::Status Together(const std::function<absl::Status()>& work) const;
  absl::Status ComputeKnownNumbers(std::vector<PreparedUpdate>* prepared) const;
  absl::Status Accumulate(const UpdateData& data, const PreparedUpdate& prepared, const CollectiveRelease& release,
                          StepTotals* totals, PhaseTimer* timer) const;
  absl::Status Backpropagate(const UpdateData& data, const PreparedUpdate& prepared, size_t index, StepTotals* totals,
                             PhaseTimer* timer) const;
  std::string Where(int64_t update) const;

  const GradientOptions options_;
  const objective::Objective* const objective_;
  const model::Decoder* const reference_;
  model::ProcessGroup* const group_;
  TrainState* const state_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_STEP_GRADIENT_H_
