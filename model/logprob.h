// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_LOGPROB_H_
#define COHORT_MODEL_LOGPROB_H_

// Shapes: T rows, D hidden size, V vocabulary. Log-probs are natural, fp32.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

namespace cohort::model {

struct TokenLogprobs {
  at::Tensor logprobs_T;
  at::Tensor entropies_T;  // nats; with history only when asked for
};

// Log-prob of targets[t] and entropy of the distribution softmax(hidden[t] . weight^T / temperature), row by row: the
// only log-prob function, used by sampler and learner. Differentiable in hidden and weight, entropies (for a bonus)
// only with `differentiable_entropies`; values, and gradients that reach log-probs alone, are the same bits either way.
// Logits exist for at most `max_rows_per_chunk` rows at a time; with history, those of the last chunk until the
// backward pass, which computes the others again. The row count is padded to a multiple of 8, 16 at least, inside.
// Gradients are added up chunk by chunk from the last one; neither they nor values depend on the number of threads.
//
// Hidden states of bf16 go with a weight of fp32 or bf16, which is rounded inside: logits are sums of products of bf16
// numbers, in fp32 and never rounded to bf16, and all that is made of them is fp32. The gradient of hidden is rounded
// to bf16 at the end, that of the weight is fp32 (off the CPU logits' gradients are rounded for the two products).
absl::StatusOr<TokenLogprobs> ComputeTokenLogprobs(const at::Tensor& hidden_TD, const at::Tensor& weight_VD,
                                                   const std::vector<int32_t>& targets_T, double temperature,
                                                   int64_t max_rows_per_chunk = 1024,
                                                   bool differentiable_entropies = false);

// Logits [T, V] without gradients, with the same padding and rounding rules, fp32 also of bf16, for sampling.
absl::StatusOr<at::Tensor> ComputeLogits(const at::Tensor& hidden_TD, const at::Tensor& weight_VD);

}  // namespace cohort::model

#endif  // COHORT_MODEL_LOGPROB_H_
