// SPDX-License-Identifier: Apache-2.0
// Shapes: T trained tokens of a microbatch.
#include "learner/microbatch_gradient.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <torch/csrc/autograd/autograd.h>

#include <cstdint>

#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "learner/loss_batch.h"
#include "learner/optim/gradient_clip.h"

namespace cohort::learner {
namespace {

// A host vector as a tensor beside `like_T`.
at::Tensor TensorLike(const std::vector<float>& values, const at::Tensor& like_T) {
  return at::from_blob(const_cast<float*>(values.data()), {static_cast<int64_t>(values.size())}, at::kFloat)
      .to(like_T.options().requires_grad(false), /*non_blocking=*/false, /*copy=*/true);
}

}  // namespace

absl::StatusOr<model::TokenLogprobs> MicrobatchGradient::Forward(const Microbatch& microbatch,
                                                                 PhaseTimer* timer) const {
  COHORT_ASSIGN_OR_RETURN(const model::TokenLogprobs policy, PolicyLogprobs(*state_->decoder, microbatch, pass_));
  timer->Mark(Phase::kForward);
  return policy;
}

absl::StatusOr<MicrobatchLoss> MicrobatchGradient::LossAt(const model::TokenLogprobs& policy,
                                                          const std::vector<TrainSequence>& sequences,
                                                          const PreparedUpdate& prepared, size_t index,
                                                          PhaseTimer* timer) const {
  MicrobatchLoss result = {.policy = policy};
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("loss", [&]() -> absl::Status {
    TokenNumbers numbers = prepared.numbers[index];
    numbers.policy_logprobs_T = policy.logprobs_T;
    numbers.policy_entropies_T = policy.entropies_T;
    if (objective_->NeedsRollouts() && !numbers.proximal_logprobs_T.defined()) {
      numbers.proximal_logprobs_T = policy.logprobs_T;
      numbers.proximal_entropies_T = policy.entropies_T;
    }
    const LossBatch batch(prepared.microbatches[index], sequences, numbers, objective_->UsesBehaviorAsProximal());
    COHORT_ASSIGN_OR_RETURN(result.loss, objective_->ComputeLoss(batch.batch(), prepared.statistics));
    return absl::OkStatus();
  }));
  timer->Mark(Phase::kObjective);
  return result;
}

absl::StatusOr<MicrobatchLoss> MicrobatchGradient::ComputeLoss(const std::vector<TrainSequence>& sequences,
                                                               const PreparedUpdate& prepared, size_t index,
                                                               PhaseTimer* timer) const {
  COHORT_ASSIGN_OR_RETURN(const model::TokenLogprobs policy, Forward(prepared.microbatches[index], timer));
  return LossAt(policy, sequences, prepared, index, timer);
}

absl::Status MicrobatchGradient::ZeroGradients() const {
  return kernels::StatusFromTorch("gradients", [&] {
    state_->parameters->gradients_L().zero_();
    return absl::OkStatus();
  });
}

absl::Status MicrobatchGradient::AddGradient(const MicrobatchLoss& loss, PhaseTimer* timer) const {
  return kernels::StatusFromTorch("backward", [&] {
    const model::TokenLogprobs& policy = loss.policy;
    const at::Tensor gradient_T = TensorLike(loss.loss.gradient_T, policy.logprobs_T);
    if (loss.loss.entropy_gradient_T.empty()) {
      policy.logprobs_T.backward(gradient_T);
    } else {
      torch::autograd::backward({policy.logprobs_T, policy.entropies_T},
                                {gradient_T, TensorLike(loss.loss.entropy_gradient_T, policy.entropies_T)});
    }
    timer->Mark(Phase::kBackward);
    return absl::OkStatus();
  });
}

absl::StatusOr<double> MicrobatchGradient::LocalNorm() const {
  double norm = 0;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("gradients", [&] {
    norm = GradientNorm(state_->parameters->gradients_L());
    return absl::OkStatus();
  }));
  return norm;
}

absl::StatusOr<double> MicrobatchGradient::NormOf(const MicrobatchLoss& loss, PhaseTimer* timer) const {
  COHORT_RETURN_IF_ERROR(ZeroGradients());
  COHORT_RETURN_IF_ERROR(AddGradient(loss, timer));
  return LocalNorm();
}

absl::StatusOr<double> MicrobatchGradient::NormAlone(const std::vector<TrainSequence>& sequences,
                                                     const PreparedUpdate& prepared, size_t index,
                                                     PhaseTimer* timer) const {
  COHORT_ASSIGN_OR_RETURN(const MicrobatchLoss loss, ComputeLoss(sequences, prepared, index, timer));
  return NormOf(loss, timer);
}

}  // namespace cohort::learner
