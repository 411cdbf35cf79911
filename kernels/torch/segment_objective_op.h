// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_SEGMENT_OBJECTIVE_OP_H_
#define COHORT_KERNELS_TORCH_SEGMENT_OBJECTIVE_OP_H_

// Shapes: T tokens.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace cohort::kernels {

// Inputs of kernels/segment_objective.h: fp32 or fp64, all of one dtype and device, no autograd history used.
struct SegmentBranch {
  at::Tensor policy_logprobs_T;
  at::Tensor proximal_logprobs_T;
  at::Tensor advantages_T;
  at::Tensor weights_T;                  // already divided by the loss denominator
  std::vector<int64_t> segment_offsets;  // from 0 to T; empty: one segment per token
  double clip_low = 0;                   // the ratio is kept in [1 - clip_low, 1 + clip_high]
  double clip_high = 0;
  bool through = true;
  at::Tensor mask_T;  // uint8; undefined: every token is trained
};

struct SegmentObjectiveResult {
  double loss = 0;
  at::Tensor gradient_T;  // d loss / d policy_logprobs
  double sum_ratio = 0;
  double min_ratio = 0;  // +infinity without a trained token
  double max_ratio = 0;  // -infinity without a trained token
  double num_clipped_low = 0;
  double num_clipped_high = 0;
  double num_tokens = 0;
};

// Throws c10::Error on inputs that do not fit together. Tensors on a device are computed on the host.
SegmentObjectiveResult SegmentObjective(const SegmentBranch& branch);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_SEGMENT_OBJECTIVE_OP_H_
