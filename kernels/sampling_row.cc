// SPDX-License-Identifier: Apache-2.0
#include "kernels/sampling_row.h"

#include "kernels/vector16.h"

namespace cohort::kernels::COHORT_CPU_TARGET {
namespace {

constexpr float kInfinity = __builtin_inff();

float Max(const float* logits, int64_t size) {
  F16 max = Splat16(-kInfinity);
  int64_t i = 0;
  for (; i + 16 <= size; i += 16) max = Max16(Load16(logits + i), max);
  if (i < size) max = Max16(LoadFirst(logits + i, size - i, -kInfinity), max);
  return MaxLane16(max);
}

bool IsUnusable(const float* logits, int64_t size) {
  bool is_unusable = false;
  for (int64_t i = 0; i < size; ++i) is_unusable |= !(logits[i] < kInfinity);
  return is_unusable;
}

double Weights(const float* logits, int64_t size, SamplingScale scale, float* weights) {
  double lanes[16] = {};
  const auto add = [&](F16 z, float* out) __attribute__((always_inline)) {
    Store16(out, Exp16((z - scale.max) * scale.inverse_temperature));
    for (int lane = 0; lane < 16; ++lane) lanes[lane] += static_cast<double>(out[lane]);
  };
  int64_t i = 0;
  for (; i + 16 <= size; i += 16) add(Load16(logits + i), weights + i);
  if (i < size) {
    float rest[16];
    add(LoadFirst(logits + i, size - i, -kInfinity), rest);
    StoreFirst(weights + i, Load16(rest), size - i);
  }
  for (int half = 8; half > 0; half /= 2) {
    for (int lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

}  // namespace

extern const SamplingRowFunctions kSamplingRow;
const SamplingRowFunctions kSamplingRow = {Max, IsUnusable, Weights};

}  // namespace cohort::kernels::COHORT_CPU_TARGET
