// SPDX-License-Identifier: Apache-2.0
#include "model/layers/layer_loops_target.h"

#include "kernels/vector16.h"

namespace cohort::model::COHORT_CPU_TARGET {
namespace {

using kernels::Exp16;
using kernels::F16;
using kernels::Load16;
using kernels::LoadFirst;
using kernels::Splat16;
using kernels::Store16;
using kernels::StoreFirst;
using kernels::Sum16;

// The next 16 columns of a row of which `left` are left; missing ones are 0.
COHORT_INLINE F16 LoadColumns(const float* p, int64_t left) {
  return left >= 16 ? Load16(p) : LoadFirst(p, left, 0.0f);
}

COHORT_INLINE void StoreColumns(float* p, F16 v, int64_t left) {
  if (left >= 16) {
    Store16(p, v);
  } else {
    StoreFirst(p, v, left);
  }
}

COHORT_INLINE void Clear(float* values, int64_t count) {
  for (int64_t i = 0; i < count; ++i) values[i] = 0.0f;
}

COHORT_INLINE float ReciprocalDeviation(const float* x, int64_t dim, float eps) {
  F16 squares = {};
  for (int64_t c = 0; c < dim; c += 16) {
    const F16 v = LoadColumns(x + c, dim - c);
    squares += v * v;
  }
  return 1.0f / __builtin_sqrtf(Sum16(squares) / static_cast<float>(dim) + eps);
}

void RmsNorm(const RmsNormForward& op, LoopRange rows) {
  for (int64_t r = rows.first; r < rows.last; ++r) {
    const float* x = op.x_RD + r * op.dim;
    float* out = op.out_RD + r * op.dim;
    const float rstd = ReciprocalDeviation(x, op.dim, op.eps);
    op.rstd_R[r] = rstd;
    for (int64_t c = 0; c < op.dim; c += 16) {
      const int64_t left = op.dim - c;
      StoreColumns(out + c, LoadColumns(x + c, left) * rstd * LoadColumns(op.weight_D + c, left), left);
    }
  }
}

void RmsNormGradient(const RmsNormBackward& op, LoopRange rows) {
  Clear(op.grad_weight_D, op.dim);
  for (int64_t r = rows.first; r < rows.last; ++r) {
    const float* x = op.x_RD + r * op.dim;
    const float* grad_out = op.grad_out_RD + r * op.dim;
    float* grad_x = op.grad_x_RD + r * op.dim;
    const float rstd = op.rstd_R[r];
    F16 products = {};
    for (int64_t c = 0; c < op.dim; c += 16) {
      const int64_t left = op.dim - c;
      products += LoadColumns(grad_out + c, left) * LoadColumns(op.weight_D + c, left) * LoadColumns(x + c, left);
    }
    const float pull = Sum16(products) * rstd * rstd * rstd / static_cast<float>(op.dim);
    for (int64_t c = 0; c < op.dim; c += 16) {
      const int64_t left = op.dim - c;
      const F16 x_c = LoadColumns(x + c, left);
      const F16 grad_c = LoadColumns(grad_out + c, left);
      StoreColumns(grad_x + c, grad_c * LoadColumns(op.weight_D + c, left) * rstd - x_c * pull, left);
      StoreColumns(op.grad_weight_D + c, LoadColumns(op.grad_weight_D + c, left) + grad_c * (x_c * rstd), left);
    }
  }
}

// One head of one row.
struct Head {
  const float* x;
  const float* cos;
  const float* sin;
};

// Columns c.. and H/2 + c.. of a head.
struct ColumnPair {
  F16 low, high;
};

COHORT_INLINE ColumnPair LoadPair(const float* p, int64_t half, int64_t c) {
  return {LoadColumns(p + c, half - c), LoadColumns(p + half + c, half - c)};
}

COHORT_INLINE void StorePair(float* p, const ColumnPair& pair, int64_t half, int64_t c) {
  StoreColumns(p + c, pair.low, half - c);
  StoreColumns(p + half + c, pair.high, half - c);
}

COHORT_INLINE ColumnPair Rotate(const ColumnPair& x, const Head& head, int64_t half, int64_t c) {
  const F16 cos = LoadColumns(head.cos + c, half - c), sin = LoadColumns(head.sin + c, half - c);
  return {x.low * cos - x.high * sin, x.high * cos + x.low * sin};
}

COHORT_INLINE ColumnPair RotateBack(const ColumnPair& x, const Head& head, int64_t half, int64_t c) {
  const F16 cos = LoadColumns(head.cos + c, half - c), sin = LoadColumns(head.sin + c, half - c);
  return {x.low * cos + x.high * sin, x.high * cos - x.low * sin};
}

void NormRopeHead(const NormRopeForward& op, const Head& head, float rstd, float* out) {
  const int64_t half = op.head_dim / 2;
  for (int64_t c = 0; c < half; c += 16) {
    const ColumnPair x = LoadPair(head.x, half, c), weight = LoadPair(op.weight_H, half, c);
    StorePair(out, Rotate({x.low * rstd * weight.low, x.high * rstd * weight.high}, head, half, c), half, c);
  }
}

void NormRope(const NormRopeForward& op, LoopRange rows) {
  for (int64_t r = rows.first; r < rows.last; ++r) {
    for (int64_t n = 0; n < op.num_heads; ++n) {
      const int64_t at = r * op.num_heads + n;
      const int64_t angles = r * (op.head_dim / 2);
      const Head head{op.x_RNH + at * op.head_dim, op.cos_RA + angles, op.sin_RA + angles};
      op.rstd_RN[at] = ReciprocalDeviation(head.x, op.head_dim, op.eps);
      NormRopeHead(op, head, op.rstd_RN[at], op.out_RNH + at * op.head_dim);
    }
  }
}

void NormRopeHeadGradient(const NormRopeBackward& op, const Head& head, int64_t at) {
  const int64_t half = op.head_dim / 2;
  const float* grad_out = op.grad_out_RNH + at * op.head_dim;
  float* grad_x = op.grad_x_RNH + at * op.head_dim;
  const float rstd = op.rstd_RN[at];
  F16 products = {};
  for (int64_t c = 0; c < half; c += 16) {
    const ColumnPair grad = RotateBack(LoadPair(grad_out, half, c), head, half, c);
    const ColumnPair x = LoadPair(head.x, half, c), weight = LoadPair(op.weight_H, half, c);
    products += grad.low * weight.low * x.low;
    products += grad.high * weight.high * x.high;
  }
  const float pull = Sum16(products) * rstd * rstd * rstd / static_cast<float>(op.head_dim);
  const auto finish = [&](F16 grad, int64_t column, int64_t left) __attribute__((always_inline)) {
    const F16 x = LoadColumns(head.x + column, left);
    float* grad_weight = op.grad_weight_H + column;
    StoreColumns(grad_x + column, grad * LoadColumns(op.weight_H + column, left) * rstd - x * pull, left);
    StoreColumns(grad_weight, LoadColumns(grad_weight, left) + grad * (x * rstd), left);
  };
  for (int64_t c = 0; c < half; c += 16) {
    const ColumnPair grad = RotateBack(LoadPair(grad_out, half, c), head, half, c);
    finish(grad.low, c, half - c);
    finish(grad.high, half + c, half - c);
  }
}

void NormRopeGradient(const NormRopeBackward& op, LoopRange rows) {
  Clear(op.grad_weight_H, op.head_dim);
  for (int64_t r = rows.first; r < rows.last; ++r) {
    for (int64_t n = 0; n < op.num_heads; ++n) {
      const int64_t at = r * op.num_heads + n;
      const int64_t angles = r * (op.head_dim / 2);
      NormRopeHeadGradient(op, {op.x_RNH + at * op.head_dim, op.cos_RA + angles, op.sin_RA + angles}, at);
    }
  }
}

// Calls rotate(head, first element of the head) for every head of the rows.
template <typename RotateHead>
COHORT_INLINE void ForHeads(const RopeRotation& op, LoopRange rows, RotateHead rotate) {
  for (int64_t r = rows.first; r < rows.last; ++r) {
    const int64_t angles = r * (op.head_dim / 2);
    for (int64_t n = 0; n < op.num_heads; ++n) {
      const int64_t at = (r * op.num_heads + n) * op.head_dim;
      rotate(Head{op.in_RNH + at, op.cos_RA + angles, op.sin_RA + angles}, op.out_RNH + at);
    }
  }
}

void Rope(const RopeRotation& op, LoopRange rows) {
  const int64_t half = op.head_dim / 2;
  ForHeads(
      op, rows, [half](const Head& head, float* out) __attribute__((always_inline)) {
        for (int64_t c = 0; c < half; c += 16) {
          StorePair(out, Rotate(LoadPair(head.x, half, c), head, half, c), half, c);
        }
      });
}

void RopeGradient(const RopeRotation& op, LoopRange rows) {
  const int64_t half = op.head_dim / 2;
  ForHeads(
      op, rows, [half](const Head& head, float* out) __attribute__((always_inline)) {
        for (int64_t c = 0; c < half; c += 16) {
          StorePair(out, RotateBack(LoadPair(head.x, half, c), head, half, c), half, c);
        }
      });
}

COHORT_INLINE F16 Sigmoid16(F16 x) {
  F16 sum = Exp16(Splat16(0.0f) - x) + 1.0f;
  for (int i = 0; i < kernels::kParts; ++i) sum.part[i] = 1.0f / sum.part[i];
  return sum;
}

void Swiglu(const SwigluForward& op, LoopRange elements) {
  for (int64_t i = elements.first; i < elements.last; i += 16) {
    const int64_t left = elements.last - i;
    const F16 gate = LoadColumns(op.gate + i, left);
    StoreColumns(op.out + i, gate * Sigmoid16(gate) * LoadColumns(op.up + i, left), left);
  }
}

void SwigluGradient(const SwigluBackward& op, LoopRange elements) {
  for (int64_t i = elements.first; i < elements.last; i += 16) {
    const int64_t left = elements.last - i;
    const F16 gate = LoadColumns(op.gate + i, left);
    const F16 grad = LoadColumns(op.grad_out + i, left);
    const F16 sigmoid = Sigmoid16(gate);
    const F16 slope = sigmoid * (gate * (Splat16(1.0f) - sigmoid) + 1.0f);
    StoreColumns(op.grad_gate + i, grad * LoadColumns(op.up + i, left) * slope, left);
    StoreColumns(op.grad_up + i, grad * (gate * sigmoid), left);
  }
}

}  // namespace

extern const LayerLoops kLayerLoops;
const LayerLoops kLayerLoops = {RmsNorm, RmsNormGradient, NormRope, NormRopeGradient,
                                Rope,    RopeGradient,    Swiglu,   SwigluGradient};

}  // namespace cohort::model::COHORT_CPU_TARGET
