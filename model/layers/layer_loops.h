// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_LAYERS_LAYER_LOOPS_H_
#define COHORT_MODEL_LAYERS_LAYER_LOOPS_H_

// Row loops of the small operators between a decoder's matrix products, fp32 on the CPU. Torch-free. Arrays are dense,
// row-major and owned by the caller; the functions keep no state.
// Shapes: R rows, D row length, N heads, H head dim (even), A = H/2 angles.
//
// A row's result depends on the row alone: sums run on 16 lanes over ascending columns and end in one fixed tree, all
// else is per element. Every instruction set gives the same bits. Weight gradients are summed in row order.

#include <cstdint>

#include "kernels/cpu_target.h"

namespace cohort::model {

// Rows (or elements) [first, last) of a larger array, so that callers can share work between threads.
struct LoopRange {
  int64_t first, last;
};

// out = x * rstd * weight with rstd = 1 / sqrt(mean(x^2) + eps), kept for the backward pass.
struct RmsNormForward {
  const float* x_RD;
  const float* weight_D;
  float* out_RD;
  float* rstd_R;
  int64_t dim;
  float eps;
};

// grad_weight_D gets the sum over the rows of the range alone (overwritten).
struct RmsNormBackward {
  const float* x_RD;
  const float* weight_D;
  const float* rstd_R;
  const float* grad_out_RD;
  float* grad_x_RD;
  float* grad_weight_D;
  int64_t dim;
};

// RMSNorm over each head, then the rotation of the pairs (i, i + H/2) by the row's angles.
struct NormRopeForward {
  const float* x_RNH;
  const float* weight_H;
  const float* cos_RA;
  const float* sin_RA;
  float* out_RNH;
  float* rstd_RN;
  int64_t num_heads;
  int64_t head_dim;
  float eps;
};

// grad_weight_H gets the sum over the rows of the range alone (overwritten).
struct NormRopeBackward {
  const float* x_RNH;
  const float* weight_H;
  const float* cos_RA;
  const float* sin_RA;
  const float* rstd_RN;
  const float* grad_out_RNH;
  float* grad_x_RNH;
  float* grad_weight_H;
  int64_t num_heads;
  int64_t head_dim;
};

// The rotation of the pairs (i, i + H/2) of each head by the row's angles, without a norm. Its gradient is the rotation
// back: from the gradient of the result (in) to that of what was rotated (out).
struct RopeRotation {
  const float* in_RNH;
  const float* cos_RA;
  const float* sin_RA;
  float* out_RNH;
  int64_t num_heads;
  int64_t head_dim;
};

// out = gate * sigmoid(gate) * up.
struct SwigluForward {
  const float* gate;
  const float* up;
  float* out;
};

struct SwigluBackward {
  const float* gate;
  const float* up;
  const float* grad_out;
  float* grad_gate;
  float* grad_up;
};

struct LayerLoops {
  void (*rms_norm)(const RmsNormForward& op, LoopRange rows);
  void (*rms_norm_backward)(const RmsNormBackward& op, LoopRange rows);
  void (*norm_rope)(const NormRopeForward& op, LoopRange rows);
  void (*norm_rope_backward)(const NormRopeBackward& op, LoopRange rows);
  void (*rope)(const RopeRotation& op, LoopRange rows);
  void (*rope_backward)(const RopeRotation& op, LoopRange rows);
  void (*swiglu)(const SwigluForward& op, LoopRange elements);
  void (*swiglu_backward)(const SwigluBackward& op, LoopRange elements);
};

// The loops compiled for `target`, which the processor must support.
const LayerLoops& LayerLoopsFor(kernels::CpuTarget target);

}  // namespace cohort::model

#endif  // COHORT_MODEL_LAYERS_LAYER_LOOPS_H_
