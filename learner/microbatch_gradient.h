// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_MICROBATCH_GRADIENT_H_
#define COHORT_LEARNER_MICROBATCH_GRADIENT_H_

// Shapes: T trained tokens of a microbatch.
#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "learner/batch/microbatch.h"
#include "learner/batch/train_sequence.h"
#include "learner/phase_timer.h"
#include "learner/policy_pass.h"
#include "learner/prepared_update.h"
#include "learner/train_state.h"
#include "model/logprob.h"
#include "objective/loss_and_gradient.h"
#include "objective/objective.h"

namespace cohort::learner {

// The loss of one microbatch, and where its backward pass begins.
struct MicrobatchLoss {
  model::TokenLogprobs policy;  // with history
  objective::LossAndGradient<float> loss;
};

// Loss and gradient of one microbatch of an update, by this rank alone: forward -> log-probs -> objective -> backward.
// `sequences` is the list that the update's microbatches were cut from. Not thread-safe; the pointers must outlive it.
class MicrobatchGradient final {
 public:
  MicrobatchGradient(const PolicyPassOptions& pass, const objective::Objective* objective, TrainState* state)
      : pass_(pass), objective_(objective), state_(state) {}

  // Log-probs and entropies under the state's weights, with history.
  absl::StatusOr<model::TokenLogprobs> Forward(const Microbatch& microbatch, PhaseTimer* timer) const;
  // The loss of microbatch `index` at what Forward gave for it. INVALID_ARGUMENT: a number is not finite; the message
  // names tensor, sequence and token.
  absl::StatusOr<MicrobatchLoss> LossAt(const model::TokenLogprobs& policy, const std::vector<TrainSequence>& sequences,
                                        const PreparedUpdate& prepared, size_t index, PhaseTimer* timer) const;
  // Both.
  absl::StatusOr<MicrobatchLoss> ComputeLoss(const std::vector<TrainSequence>& sequences,
                                             const PreparedUpdate& prepared, size_t index, PhaseTimer* timer) const;

  absl::Status ZeroGradients() const;
  // The backward pass, once for a loss: adds to the state's gradients.
  absl::Status AddGradient(const MicrobatchLoss& loss, PhaseTimer* timer) const;
  // Norm of the gradients that the state holds.
  absl::StatusOr<double> LocalNorm() const;
  // Norm of the gradient of one loss alone, which the state's gradients are then.
  absl::StatusOr<double> NormOf(const MicrobatchLoss& loss, PhaseTimer* timer) const;
  // The same of microbatch `index`; errors as LossAt.
  absl::StatusOr<double> NormAlone(const std::vector<TrainSequence>& sequences, const PreparedUpdate& prepared,
                                   size_t index, PhaseTimer* timer) const;

 private:
  const PolicyPassOptions pass_;
  const objective::Objective* const objective_;
  TrainState* const state_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_MICROBATCH_GRADIENT_H_
