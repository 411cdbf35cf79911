// SPDX-License-Identifier: Apache-2.0
// Shapes: T trained tokens, S sequences.
#include "objective/grpo.h"

#include <ATen/ops/from_blob.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/status_macros.h"
#include "kernels/torch/segment_objective_op.h"
#include "kernels/torch/torch_status.h"
#include "objective/advantage.h"
#include "objective/loss_reduction.h"
#include "objective/token_batch_check.h"

namespace cohort::objective {
namespace {

// A host vector as a tensor beside `like`.
at::Tensor TensorLike(std::vector<double>& values, const at::Tensor& like) {
  return at::from_blob(values.data(), {static_cast<int64_t>(values.size())}, at::kDouble)
      .to(like.options(), false, true);
}

std::vector<double> AdvantagePerToken(const TokenBatch& batch) {
  std::vector<double> advantages;
  advantages.reserve(batch.cu_seqlens.back());
  for (size_t i = 0; i < batch.advantages.size(); ++i) {
    advantages.insert(advantages.end(), batch.cu_seqlens[i + 1] - batch.cu_seqlens[i], batch.advantages[i]);
  }
  return advantages;
}

double SumOf(const at::Tensor& values_T) { return values_T.sum(at::kDouble).item<double>(); }

MetricSums SumsOf(const TokenBatch& batch, const kernels::SegmentObjectiveResult& objective) {
  const at::Tensor log_ratio_T = batch.policy_logprobs_T.sub(batch.proximal_logprobs_T);
  const at::Tensor mismatch_T = batch.proximal_logprobs_T.sub(batch.behavior_logprobs_T).abs();
  MetricSums sums;
  sums["count_tokens"] = objective.num_tokens;
  sums["count_clipped_low"] = objective.num_clipped_low;
  sums["count_clipped_high"] = objective.num_clipped_high;
  sums["sum_ratio"] = objective.sum_ratio;
  sums["min_ratio"] = objective.min_ratio;
  sums["max_ratio"] = objective.max_ratio;
  sums["sum_kl_k1"] = -SumOf(log_ratio_T);
  sums["sum_kl_k3"] = SumOf(log_ratio_T.expm1().sub(log_ratio_T));
  sums["sum_entropy"] = SumOf(batch.entropies_T);
  sums["sum_mismatch_abs"] = SumOf(mismatch_T);
  sums["max_mismatch_abs"] = mismatch_T.max().item<double>();
  return sums;
}

}  // namespace

GrpoObjective::GrpoObjective(const cohort::v1::GrpoObjective& spec)
    : clip_low_(spec.has_clip_low() ? spec.clip_low() : 0.2),
      clip_high_(spec.has_clip_high() ? spec.clip_high() : clip_low_),
      loss_reduction_(spec.loss_reduction()),
      advantage_scale_(spec.advantage_scale()),
      advantage_epsilon_(spec.has_advantage_epsilon() ? spec.advantage_epsilon() : 1e-6) {}

GroupAdvantages GrpoObjective::ComputeAdvantages(const GroupRewards& group) const {
  return ComputeGroupAdvantages(group, {.scale = advantage_scale_, .epsilon = advantage_epsilon_});
}

absl::StatusOr<LossAndGradient> GrpoObjective::ComputeLoss(const TokenBatch& batch, const Denominators& totals) const {
  LossAndGradient result;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("grpo loss", [&]() -> absl::Status {
    COHORT_RETURN_IF_ERROR(CheckTokenBatch(batch, /*needs_rollouts=*/true));
    COHORT_ASSIGN_OR_RETURN(std::vector<double> weights, TokenWeights(loss_reduction_, batch.cu_seqlens, totals));
    if (weights.empty()) {
      result.gradient_T = batch.policy_logprobs_T.detach().clone();
      return absl::OkStatus();
    }
    std::vector<double> advantages = AdvantagePerToken(batch);
    kernels::SegmentBranch branch;
    branch.policy_logprobs_T = batch.policy_logprobs_T.detach();
    branch.proximal_logprobs_T = batch.proximal_logprobs_T;
    branch.advantages_T = TensorLike(advantages, branch.policy_logprobs_T);
    branch.weights_T = TensorLike(weights, branch.policy_logprobs_T);
    branch.clip_low = clip_low_;
    branch.clip_high = clip_high_;
    branch.through = true;  // a segment of one token: through and local are the same
    kernels::SegmentObjectiveResult objective = kernels::SegmentObjective(branch);
    result.loss = objective.loss;
    result.sums = SumsOf(batch, objective);
    result.gradient_T = std::move(objective.gradient_T);
    return absl::OkStatus();
  }));
  return result;
}

}  // namespace cohort::objective
