// SPDX-License-Identifier: Apache-2.0
#include "kernels/group_advantage_loop.h"

#include "kernels/vector16.h"

namespace cohort::kernels::COHORT_CPU_TARGET {
namespace {

constexpr float kInfinity = __builtin_inff();

COHORT_INLINE F16 SquareRoot(F16 v) {
  float lanes[16];
  Store16(lanes, v);
  for (float& lane : lanes) lane = __builtin_sqrtf(lane);
  return Load16(lanes);
}

// Rows of 4 become columns.
COHORT_INLINE void Transpose4(F4 rows[4]) {
  const F4 low01 = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5);
  const F4 low23 = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5);
  const F4 high01 = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
  const F4 high23 = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
  rows[0] = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
  rows[1] = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
  rows[2] = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
  rows[3] = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
}

// [16 groups, N samples] to [N, 16] and back, so that every lane is a group.
COHORT_INLINE void ToLanes(const float* groups_16N, int64_t size, float* lanes_N16) {
  int64_t n = 0;
  for (; n + 4 <= size; n += 4) {
    for (int64_t g = 0; g < 16; g += 4) {
      F4 rows[4];
      for (int64_t i = 0; i < 4; ++i) rows[i] = Load4(groups_16N + (g + i) * size + n);
      Transpose4(rows);
      for (int64_t i = 0; i < 4; ++i) Store4(lanes_N16 + (n + i) * 16 + g, rows[i]);
    }
  }
  for (; n < size; ++n) {
    for (int64_t g = 0; g < 16; ++g) lanes_N16[n * 16 + g] = groups_16N[g * size + n];
  }
}

COHORT_INLINE void FromLanes(const float* lanes_N16, int64_t size, float* groups_16N) {
  int64_t n = 0;
  for (; n + 4 <= size; n += 4) {
    for (int64_t g = 0; g < 16; g += 4) {
      F4 rows[4];
      for (int64_t i = 0; i < 4; ++i) rows[i] = Load4(lanes_N16 + (n + i) * 16 + g);
      Transpose4(rows);
      for (int64_t i = 0; i < 4; ++i) Store4(groups_16N + (g + i) * size + n, rows[i]);
    }
  }
  for (; n < size; ++n) {
    for (int64_t g = 0; g < 16; ++g) groups_16N[g * size + n] = lanes_N16[n * 16 + g];
  }
}

// 16 groups in lanes: rewards become advantages. `verdicts_N16` holds 1 or 0; read only with a mask.
template <bool kHasMask>
COHORT_INLINE void AdvantageLanes(const GroupAdvantageSettings& settings, int64_t size, const float* verdicts_N16,
                                  float* values_N16) {
  const auto has_verdict = [verdicts_N16](int64_t n) __attribute__((always_inline)) {
    return Load16(verdicts_N16 + n * 16) > F16{};
  };
  F16 smallest = Splat16(kInfinity), count = Splat16(kHasMask ? 0.0f : static_cast<float>(size));
  for (int64_t n = 0; n < size; ++n) {
    const F16 reward = Load16(values_N16 + n * 16);
    if constexpr (kHasMask) {
      smallest = Select(has_verdict(n) & (reward < smallest), reward, smallest);
      count += Load16(verdicts_N16 + n * 16);
    } else {
      smallest = Min16(reward, smallest);
    }
  }
  F16 sum{};
  for (int64_t n = 0; n < size; ++n) {
    F16 above = Load16(values_N16 + n * 16) - smallest;
    if constexpr (kHasMask) above = Select(has_verdict(n), above, F16{});
    Store16(values_N16 + n * 16, above);
    sum += above;
  }
  const F16 mean = sum / count;
  F16 squares{};
  for (int64_t n = 0; n < size; ++n) {
    F16 difference = Load16(values_N16 + n * 16) - mean;
    if constexpr (kHasMask) difference = Select(has_verdict(n), difference, F16{});
    Store16(values_N16 + n * 16, difference);
    squares += difference * difference;
  }
  F16 factor = Splat16(1.0f);
  if (settings.leave_one_out) factor = count / (count - 1.0f);
  if (settings.divide_by_std) {
    const F16 variance = squares / (settings.population_std ? count : count - 1.0f);
    factor = factor / (SquareRoot(variance) + static_cast<float>(settings.epsilon));
  }
  factor = Select(sum == F16{}, F16{}, factor);  // equal rewards, or fewer than two
  for (int64_t n = 0; n < size; ++n) Store16(values_N16 + n * 16, Load16(values_N16 + n * 16) * factor);
}

void Loop(const GroupAdvantageSettings& settings, const GroupRewards<float>& groups, float* advantages_GN) {
  const int64_t size = groups.group_size;
  float values[kMaxLoopGroupSize * 16], verdicts[kMaxLoopGroupSize * 16], flags[kMaxLoopGroupSize * 16];
  for (int64_t g = 0; g + 16 <= groups.num_groups; g += 16) {
    ToLanes(groups.rewards_GN + g * size, size, values);
    if (groups.mask_GN != nullptr) {
      const uint8_t* mask = groups.mask_GN + g * size;
      for (int64_t i = 0; i < 16 * size; ++i) flags[i] = mask[i] != 0 ? 1.0f : 0.0f;
      ToLanes(flags, size, verdicts);
      AdvantageLanes<true>(settings, size, verdicts, values);
    } else {
      AdvantageLanes<false>(settings, size, nullptr, values);
    }
    FromLanes(values, size, advantages_GN + g * size);
  }
}

}  // namespace

extern const GroupAdvantageLoopFunction kGroupAdvantageLoop;
const GroupAdvantageLoopFunction kGroupAdvantageLoop = Loop;

}  // namespace cohort::kernels::COHORT_CPU_TARGET
