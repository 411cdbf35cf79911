// SPDX-License-Identifier: Apache-2.0
// Size: the lanes of every dispatch target side by side, so that one can see that they round alike.
#ifndef COHORT_KERNELS_VECTOR16_H_
#define COHORT_KERNELS_VECTOR16_H_

// The 16 virtual lanes of the CPU operators, held in as many registers as the target needs. Every operation is
// IEEE-exact and lane by lane, every reduction has one order, so all targets give the same bits. Internal to kernels/:
// included by the sources which cpu_targets.bzl compiles once per target. Everything has internal linkage, so no copy
// of it is shared between targets.

#include <cstdint>

#define COHORT_INLINE static inline __attribute__((always_inline))

namespace cohort::kernels {
namespace {

#if defined(__AVX512F__)
constexpr int kRegisterLanes = 16;
#elif defined(__AVX2__)
constexpr int kRegisterLanes = 8;
#else
constexpr int kRegisterLanes = 4;
#endif
constexpr int kParts = 16 / kRegisterLanes;

typedef float F4 __attribute__((vector_size(16)));
typedef float F8 __attribute__((vector_size(32)));
typedef float FPart __attribute__((vector_size(kRegisterLanes * 4)));
typedef int32_t IPart __attribute__((vector_size(kRegisterLanes * 4)));
typedef float F4Unaligned __attribute__((vector_size(16), aligned(4), may_alias));
typedef float FPartUnaligned __attribute__((vector_size(kRegisterLanes * 4), aligned(4), may_alias));

struct F16 {
  FPart part[kParts];
};

// A mask has -1 in lanes where it holds and 0 elsewhere; also used to count.
struct I16 {
  IPart part[kParts];
};

COHORT_INLINE F4 Load4(const float* p) { return *reinterpret_cast<const F4Unaligned*>(p); }
COHORT_INLINE void Store4(float* p, F4 v) { *reinterpret_cast<F4Unaligned*>(p) = v; }

COHORT_INLINE F16 Load16(const float* p) {
  F16 r;
  for (int i = 0; i < kParts; ++i) r.part[i] = *reinterpret_cast<const FPartUnaligned*>(p + i * kRegisterLanes);
  return r;
}

COHORT_INLINE void Store16(float* p, F16 v) {
  for (int i = 0; i < kParts; ++i) *reinterpret_cast<FPartUnaligned*>(p + i * kRegisterLanes) = v.part[i];
}

COHORT_INLINE F16 Splat16(float v) {
  F16 r;
  for (int i = 0; i < kParts; ++i) r.part[i] = v - FPart{};  // v + 0 would lose the sign of -0, and cost an addition
  return r;
}

#define COHORT_LANE_OPERATOR(result, type, op)                           \
  COHORT_INLINE result operator op(type a, type b) {                     \
    result r;                                                            \
    for (int i = 0; i < kParts; ++i) r.part[i] = a.part[i] op b.part[i]; \
    return r;                                                            \
  }
COHORT_LANE_OPERATOR(F16, F16, +)
COHORT_LANE_OPERATOR(F16, F16, -)
COHORT_LANE_OPERATOR(F16, F16, *)
COHORT_LANE_OPERATOR(F16, F16, /)
COHORT_LANE_OPERATOR(I16, F16, <)
COHORT_LANE_OPERATOR(I16, F16, >)
COHORT_LANE_OPERATOR(I16, F16, ==)
COHORT_LANE_OPERATOR(I16, I16, &)
COHORT_LANE_OPERATOR(I16, I16, |)
COHORT_LANE_OPERATOR(I16, I16, -)
#undef COHORT_LANE_OPERATOR

COHORT_INLINE F16 operator+(F16 a, float b) { return a + Splat16(b); }
COHORT_INLINE F16 operator-(F16 a, float b) { return a - Splat16(b); }
COHORT_INLINE F16 operator*(F16 a, float b) { return a * Splat16(b); }
COHORT_INLINE F16& operator+=(F16& a, F16 b) { return a = a + b; }

COHORT_INLINE I16 Not(I16 a) {
  for (int i = 0; i < kParts; ++i) a.part[i] = ~a.part[i];
  return a;
}

COHORT_INLINE F16 Select(I16 mask, F16 where_set, F16 where_clear) {
  F16 r;
  for (int i = 0; i < kParts; ++i) r.part[i] = mask.part[i] ? where_set.part[i] : where_clear.part[i];
  return r;
}

// The second argument where either is NaN.
COHORT_INLINE F16 Max16(F16 a, F16 b) { return Select(a > b, a, b); }
COHORT_INLINE F16 Min16(F16 a, F16 b) { return Select(a < b, a, b); }

// Lanes 0, 1, ... 15.
COHORT_INLINE F16 LaneNumbers() {
  const float lanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return Load16(lanes);
}

// Lanes at or past `count` are replaced by `fill`; 0 <= count <= 16.
COHORT_INLINE F16 KeepFirst(F16 v, int64_t count, float fill) {
  return Select(LaneNumbers() < Splat16(static_cast<float>(count)), v, Splat16(fill));
}

// Loads `count` lanes and fills the rest; reads nothing past them.
COHORT_INLINE F16 LoadFirst(const float* p, int64_t count, float fill) {
  float lanes[16];
  for (int64_t i = 0; i < 16; ++i) lanes[i] = i < count ? p[i] : fill;
  return Load16(lanes);
}

COHORT_INLINE void StoreFirst(float* p, F16 v, int64_t count) {
  float lanes[16];
  Store16(lanes, v);
  for (int64_t i = 0; i < count; ++i) p[i] = lanes[i];
}

// Halves of 8 lanes folded into 4 by `combine`.
template <typename Combine>
COHORT_INLINE F4 FoldToFour(F16 v, Combine combine) {
  if constexpr (kRegisterLanes == 4) {
    return combine(combine(v.part[0], v.part[2 % kParts]), combine(v.part[1 % kParts], v.part[3 % kParts]));
  } else {
    F8 half;
    if constexpr (kRegisterLanes == 16) {
      half = combine(__builtin_shufflevector(v.part[0], v.part[0], 0, 1, 2, 3, 4, 5, 6, 7),
                     __builtin_shufflevector(v.part[0], v.part[0], 8 % kRegisterLanes, 9 % kRegisterLanes,
                                             10 % kRegisterLanes, 11 % kRegisterLanes, 12 % kRegisterLanes,
                                             13 % kRegisterLanes, 14 % kRegisterLanes, 15 % kRegisterLanes));
    } else {
      half = combine(v.part[0], v.part[1 % kParts]);
    }
    return combine(__builtin_shufflevector(half, half, 0, 1, 2, 3), __builtin_shufflevector(half, half, 4, 5, 6, 7));
  }
}

// Sum of the lanes: halves are added until one is left, always in this order.
COHORT_INLINE float Sum16(F16 v) {
  const F4 four = FoldToFour(
      v, [](auto a, auto b) __attribute__((always_inline)) { return a + b; });
  return (four[0] + four[2]) + (four[1] + four[3]);
}

COHORT_INLINE float MaxLane16(F16 v) {
  const F4 four = FoldToFour(
      v, [](auto a, auto b) __attribute__((always_inline)) { return a > b ? a : b; });
  const float even = four[0] > four[2] ? four[0] : four[2];
  const float odd = four[1] > four[3] ? four[1] : four[3];
  return even > odd ? even : odd;
}

// e^x within 2 units in the last place for x in [-87.3, 88.3]; 0 below, the value at 88.3 above, NaN for NaN.
// Cephes' polynomial after x = n ln 2 + r, without fused multiply-adds.
COHORT_INLINE F16 Exp16(F16 x) {
  F16 result;
  for (int i = 0; i < kParts; ++i) {
    const FPart low = FPart{} - 87.3f, high = FPart{} + 88.3f;
    const FPart capped = x.part[i] > high ? high : x.part[i];
    const FPart y = capped < low ? low : capped;
    const FPart shifted = y * 1.44269504088896341f + 12582912.0f;  // 1.5 * 2^23: the last bits are round(y / ln 2)
    const FPart n = shifted - 12582912.0f;
    const FPart r = (y - n * 0.693359375f) - n * -2.12194440e-4f;
    FPart p = FPart{} + 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    const IPart exponent = (reinterpret_cast<IPart>(shifted) - 0x4B400000 + 127) << 23;
    result.part[i] = x.part[i] < low ? FPart{} : p * reinterpret_cast<FPart>(exponent);
  }
  return result;
}

}  // namespace
}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_VECTOR16_H_
