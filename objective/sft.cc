// SPDX-License-Identifier: Apache-2.0
// Shapes: T trained tokens.
#include "objective/sft.h"

#include <ATen/ops/dot.h>
#include <ATen/ops/from_blob.h>

#include <cstdint>
#include <vector>

#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "objective/loss_reduction.h"
#include "objective/token_batch_check.h"

namespace cohort::objective {

SftObjective::SftObjective(const cohort::v1::SftObjective& spec) : loss_reduction_(spec.loss_reduction()) {}

GroupAdvantages SftObjective::ComputeAdvantages(const GroupRewards& group) const {
  return {.advantages = std::vector<double>(group.rewards.size(), 0.0)};
}

absl::StatusOr<LossAndGradient> SftObjective::ComputeLoss(const TokenBatch& batch, const Denominators& totals) const {
  LossAndGradient result;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("sft loss", [&]() -> absl::Status {
    COHORT_RETURN_IF_ERROR(CheckTokenBatch(batch, /*needs_rollouts=*/false));
    COHORT_ASSIGN_OR_RETURN(std::vector<double> weights, TokenWeights(loss_reduction_, batch.cu_seqlens, totals));
    const at::Tensor logprobs_T = batch.policy_logprobs_T.detach();
    const at::Tensor weights_T =
        at::from_blob(weights.data(), {static_cast<int64_t>(weights.size())}, at::kDouble).to(logprobs_T.device());
    result.loss = -logprobs_T.to(at::kDouble).dot(weights_T).item<double>();
    result.gradient_T = weights_T.to(logprobs_T.scalar_type()).neg();
    result.sums["count_tokens"] = static_cast<double>(weights.size());
    result.sums["sum_entropy"] = batch.entropies_T.sum(at::kDouble).item<double>();
    return absl::OkStatus();
  }));
  return result;
}

}  // namespace cohort::objective
