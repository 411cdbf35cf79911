// SPDX-License-Identifier: Apache-2.0
// Shapes: T trained tokens of a microbatch.
#include "learner/loss_batch.h"

#include "kernels/torch/torch_status.h"

namespace cohort::learner {

absl::Status MoveToHost(TokenNumbers* numbers) {
  return kernels::StatusFromTorch("known numbers", [numbers] {
    for (at::Tensor* values_T :
         {&numbers->proximal_logprobs_T, &numbers->proximal_entropies_T, &numbers->reference_logprobs_T}) {
      if (values_T->defined()) *values_T = values_T->detach().to(at::kCPU, at::kFloat).contiguous();
    }
    return absl::OkStatus();
  });
}

LossBatch::LossBatch(const Microbatch& microbatch, const std::vector<TrainSequence>& sequences,
                     const TokenNumbers& numbers, bool behavior_is_proximal) {
  for (int64_t i = microbatch.sequences.begin; i < microbatch.sequences.end; ++i) {
    const TrainSequence& sequence = sequences[i];
    sequences_.push_back({.label = sequence.label,
                          .group = sequence.group,
                          .advantage = sequence.advantage,
                          .is_truncated = sequence.is_truncated,
                          .token_advantages = sequence.layout.token_advantages,
                          .mask = sequence.layout.mask,
                          .subsentence_ends = sequence.layout.subsentence_ends,
                          .item_ends = sequence.layout.item_ends});
  }
  batch_.cu_seqlens = microbatch.trained_cu_seqlens;
  batch_.sequences_S = sequences_;
  batch_.behavior_logprobs_T = microbatch.behavior_logprobs;
  batch_.policy_logprobs_T = HostSpan(numbers.policy_logprobs_T);
  batch_.policy_entropies_T = HostSpan(numbers.policy_entropies_T);
  batch_.proximal_logprobs_T =
      behavior_is_proximal ? batch_.behavior_logprobs_T : HostSpan(numbers.proximal_logprobs_T);
  batch_.proximal_entropies_T = HostSpan(numbers.proximal_entropies_T);
  batch_.reference_logprobs_T = HostSpan(numbers.reference_logprobs_T);
}

std::span<const float> LossBatch::HostSpan(const at::Tensor& values_T) {
  if (!values_T.defined()) return {};
  const at::Tensor host_T = values_T.detach().to(at::kCPU, at::kFloat).contiguous();
  host_tensors_.push_back(host_T);
  return {host_T.const_data_ptr<float>(), static_cast<size_t>(host_T.numel())};
}

}  // namespace cohort::learner
