// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_FUSED16_H_
#define COHORT_KERNELS_FUSED16_H_

// Fused multiply-add on the 16 lanes of vector16.h: rounded once, with the same bits on every target. Internal to
// kernels/, like vector16.h.

#include <cstdint>

#include "kernels/vector16.h"

#if defined(__FMA__)
#include <immintrin.h>
#endif

namespace cohort::kernels {
namespace {

#if defined(__FMA__)

COHORT_INLINE FPart FusePart(FPart a, FPart b, FPart c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, c);
#else
  return _mm256_fmadd_ps(a, b, c);
#endif
}

#else

typedef double DPart __attribute__((vector_size(kRegisterLanes * 8)));
typedef int64_t LPart __attribute__((vector_size(kRegisterLanes * 8)));

// Without the instruction: in double the product is exact, and the sum is rounded to odd, so that rounding it to float
// rounds the exact one (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using
// rounding to odd", IEEE Transactions on Computers 57, 2008).
COHORT_INLINE FPart FusePart(FPart a, FPart b, FPart c) {
  const DPart product = __builtin_convertvector(a, DPart) * __builtin_convertvector(b, DPart);
  const DPart addend = __builtin_convertvector(c, DPart);
  const DPart sum = product + addend;
  const DPart part = sum - product;
  const DPart error = (product - (sum - part)) + (addend - part);  // exact (Knuth); NaN where the sum is not finite
  const LPart is_inexact = (error < 0.0) | (error > 0.0);
  const LPart bits = reinterpret_cast<LPart>(sum);
  const LPart is_even = (bits & 1) == 0;
  // The neighbour of an even sum on the exact one's side: away from zero where the error has the sum's sign.
  const LPart grows = (reinterpret_cast<LPart>(error) ^ bits) >= 0;
  const LPart step = (grows & 1) - (~grows & 1);
  return __builtin_convertvector(reinterpret_cast<DPart>(bits + (is_inexact & is_even & step)), FPart);
}

#endif

// a * b + c.
COHORT_INLINE F16 MultiplyAdd(F16 a, F16 b, F16 c) {
  F16 r;
  for (int i = 0; i < kParts; ++i) r.part[i] = FusePart(a.part[i], b.part[i], c.part[i]);
  return r;
}

COHORT_INLINE F16 MultiplyAdd(F16 a, float b, F16 c) { return MultiplyAdd(a, Splat16(b), c); }

}  // namespace
}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_FUSED16_H_
