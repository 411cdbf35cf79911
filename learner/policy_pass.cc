// SPDX-License-Identifier: Apache-2.0
// Shapes: P packed tokens, T trained tokens, D hidden size, V vocabulary.
#include "learner/policy_pass.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>

#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"

namespace cohort::learner {
namespace {

constexpr int64_t kMaxRowsPerChunk = 1024;  // of logits at a time

}  // namespace

absl::StatusOr<model::TokenLogprobs> PolicyLogprobs(const model::Decoder& decoder, const Microbatch& microbatch,
                                                    const PolicyPassOptions& options) {
  COHORT_ASSIGN_OR_RETURN(
      const at::Tensor hidden_PD,
      decoder.ForwardPacked(
          {.token_ids = microbatch.token_ids, .cu_seqlens = microbatch.cu_seqlens, .prefixes = microbatch.prefixes},
          {.recompute_activations = options.recompute_activations}));
  at::Tensor trained_TD;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("trained rows", [&] {
    const at::Tensor rows_T = at::from_blob(const_cast<int64_t*>(microbatch.trained_rows.data()),
                                            {static_cast<int64_t>(microbatch.trained_rows.size())}, at::kLong);
    trained_TD = hidden_PD.index_select(0, rows_T.to(hidden_PD.device()));
    return absl::OkStatus();
  }));
  return model::ComputeTokenLogprobs(trained_TD, decoder.OutputWeight(), microbatch.targets, options.temperature,
                                     kMaxRowsPerChunk, options.differentiable_entropies);
}

absl::StatusOr<model::TokenLogprobs> PolicyLogprobsWithoutGradient(const model::Decoder& decoder,
                                                                   const Microbatch& microbatch, double temperature) {
  at::NoGradGuard no_grad;
  return PolicyLogprobs(decoder, microbatch, {.temperature = temperature});
}

}  // namespace cohort::learner
