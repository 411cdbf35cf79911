// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_LOGPROB_H_
#define COHORT_KERNELS_LOGPROB_H_

// Log-prob of one target per row, entropy of the row's softmax, and the gradient of both: one read of the logits.
// Shapes: T rows, V vocabulary. Arrays are dense, row-major, owned by the caller. Targets lie in [0, V); the caller has
// checked that. The functions keep no state and may run on several threads with distinct outputs.
//
// Reduction order on the CPU (part of the contract): a row is visited in blocks of 1,024 logits; in a block 16 lanes
// sum in fp32 and are added in one fixed tree, blocks are added in double in ascending order. A row's result depends on
// the row alone: not on T, the instruction set or the threads, which share out rows. A logit of minus infinity has
// probability 0; NaN gives NaN.

#include <cstdint>

#include "kernels/cpu_execution.h"

namespace cohort::kernels {

struct LogprobRows {
  const int64_t* targets_T;
  int64_t num_rows;
  int64_t vocab_size;
  float inverse_temperature;  // > 0; multiplies the logits before softmax
};

// logprobs_T gets ln softmax(logits * inverse_temperature)[target], entropies_T (may be null) the entropy in nats.
void LogprobForward(const LogprobRows& rows, const float* logits_TV, float* logprobs_T, float* entropies_T,
                    const CpuExecution& cpu = {});

// Writes the gradient of sum(grad_T * logprobs_T + entropy_grad_T * entropies_T) over the logits:
//   inverse_temperature * (grad * (1[v = target] - p_v) - entropy_grad * p_v * (ln p_v + entropy)),  p = softmax
// entropy_grad_T may be null; rows where it is 0 get the bits they get without it. Rows where both are 0 become
// exactly 0.
void LogprobBackwardInPlace(const LogprobRows& rows, const float* grad_T, const float* entropy_grad_T, float* logits_TV,
                            const CpuExecution& cpu = {});

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_LOGPROB_H_
