// SPDX-License-Identifier: Apache-2.0
#include "kernels/logprob_row.h"

#include "kernels/vector16.h"

namespace cohort::kernels::COHORT_CPU_TARGET {
namespace {

constexpr int64_t kBlockLogits = 1024;
constexpr float kMinusInfinity = -__builtin_inff();

// The last `count` values of a row, 1 <= count <= 15, in the vector's last lanes and minus infinity before them: one
// load where the row is long enough to read backwards into it.
COHORT_INLINE F16 LoadTail(const float* p, int64_t count, bool reads_backwards) {
  if (!reads_backwards) return LoadFirst(p, count, kMinusInfinity);
  const F16 before_tail = Splat16(static_cast<float>(16 - count));
  return Select(LaneNumbers() < before_tail, Splat16(kMinusInfinity), Load16(p + count - 16));
}

float BlockMax(const float* logits, int64_t size) {
  F16 max = Splat16(kMinusInfinity);
  int64_t v = 0;
  for (; v + 16 <= size; v += 16) max = Max16(max, Load16(logits + v));
  if (v < size) max = Max16(max, LoadTail(logits + v, size - v, v > 0));
  return MaxLane16(max);
}

struct LaneSums {
  F16 sum;
  F16 weighted_sum;
};

COHORT_INLINE void AddLanes(F16 logits, float inverse_temperature, float max, LaneSums* sums) {
  const F16 distance = logits * inverse_temperature - max;
  const F16 e = Exp16(distance);
  sums->sum += e;
  // Where e underflows the term is 0, also for a distance of minus infinity.
  sums->weighted_sum += Select(e > F16{}, distance * e, F16{});
}

SoftmaxSums Sums(const float* logits, int64_t vocab_size, float inverse_temperature) {
  SoftmaxSums total{kMinusInfinity, 0.0, 0.0};
  for (int64_t start = 0; start < vocab_size; start += kBlockLogits) {
    const float* block = logits + start;
    const int64_t size = vocab_size - start < kBlockLogits ? vocab_size - start : kBlockLogits;
    const float block_max = BlockMax(block, size) * inverse_temperature;
    if (block_max > total.max) {
      const float shift = total.max - block_max;
      const double rescale = MaxLane16(Exp16(Splat16(shift)));
      // sum of (z - new max) e' = rescale * (sum of (z - old max) e + shift * sum of e); nothing to rescale at first.
      if (total.sum > 0) total.weighted_sum = rescale * (total.weighted_sum + static_cast<double>(shift) * total.sum);
      total.sum *= rescale;
      total.max = block_max;
    }
    if (block_max == kMinusInfinity) continue;
    LaneSums lanes{};
    int64_t v = 0;
    for (; v + 16 <= size; v += 16) AddLanes(Load16(block + v), inverse_temperature, total.max, &lanes);
    if (v < size) AddLanes(LoadTail(block + v, size - v, v > 0), inverse_temperature, total.max, &lanes);
    total.sum += static_cast<double>(Sum16(lanes.sum));
    total.weighted_sum += static_cast<double>(Sum16(lanes.weighted_sum));
  }
  return total;
}

// logits[v] = function(logits[v]).
template <typename Function>
COHORT_INLINE void Replace(float* logits, int64_t vocab_size, Function function) {
  const int64_t rest = vocab_size % 16, whole = vocab_size - rest;
  if (whole == 0) {
    StoreFirst(logits, function(LoadFirst(logits, rest, kMinusInfinity)), rest);
    return;
  }
  // The last vector overlaps the one before; it is read before that is overwritten and stores the same values there.
  const F16 last = Load16(logits + vocab_size - 16);
  for (int64_t v = 0; v < whole; v += 16) Store16(logits + v, function(Load16(logits + v)));
  if (rest > 0) Store16(logits + vocab_size - 16, function(last));
}

void ScaledExp(float* logits, int64_t vocab_size, float inverse_temperature, float max, float factor) {
  Replace(
      logits,
      vocab_size, [=](F16 z) __attribute__((always_inline)) { return Exp16(z * inverse_temperature - max) * factor; });
}

void TiltedExp(float* logits, int64_t vocab_size, float inverse_temperature, float max, float factor, float slope) {
  Replace(
      logits, vocab_size, [=](F16 z) __attribute__((always_inline)) {
        const F16 distance = z * inverse_temperature - max;
        const F16 e = Exp16(distance);
        // Where e underflows the term is 0, also for a distance of minus infinity; NaN stays.
        return Select(e == F16{}, F16{}, e * (distance * slope + factor));
      });
}

}  // namespace

extern const LogprobRowFunctions kLogprobRow;
const LogprobRowFunctions kLogprobRow = {Sums, ScaledExp, TiltedExp};

}  // namespace cohort::kernels::COHORT_CPU_TARGET
