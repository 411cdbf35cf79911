// SPDX-License-Identifier: Apache-2.0
#include "model/weights/widen_floats.h"

#include <immintrin.h>

#include <cstring>

namespace cohort::model {
namespace {

float FloatOfBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

float FloatOfFloat16(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t exponent = (half >> 10) & 0x1f;
  const uint32_t fraction = half & 0x3ff;
  if (exponent == 0) {  // zero or subnormal: fraction times 2^-24
    const float magnitude = static_cast<float>(fraction) * 5.9604644775390625e-8f;
    return sign == 0 ? magnitude : -magnitude;
  }
  if (exponent == 0x1f) {  // infinity or NaN, which is quiet afterwards as with the instruction
    return FloatOfBits(sign | 0x7f800000 | fraction << 13 | (fraction == 0 ? 0 : 0x400000));
  }
  return FloatOfBits(sign | (exponent + 112) << 23 | fraction << 13);
}

__attribute__((target("avx,f16c"))) void WidenFloat16WithF16c(const uint16_t* source, int64_t count, float* values) {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(source + i));
    _mm256_storeu_ps(values + i, _mm256_cvtph_ps(halves));
  }
  for (; i < count; ++i) values[i] = FloatOfFloat16(source[i]);
}

}  // namespace

void WidenBfloat16(const uint16_t* source, int64_t count, float* values) {
  const __m128i zero = _mm_setzero_si128();
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(source + i));
    _mm_storeu_ps(values + i, _mm_castsi128_ps(_mm_unpacklo_epi16(zero, halves)));
    _mm_storeu_ps(values + i + 4, _mm_castsi128_ps(_mm_unpackhi_epi16(zero, halves)));
  }
  for (; i < count; ++i) values[i] = FloatOfBits(static_cast<uint32_t>(source[i]) << 16);
}

void WidenFloat16(const uint16_t* source, int64_t count, float* values) {
  static const bool has_f16c = __builtin_cpu_supports("f16c") && __builtin_cpu_supports("avx");
  if (has_f16c) return WidenFloat16WithF16c(source, count, values);
  WidenFloat16Portably(source, count, values);
}

void WidenFloat16Portably(const uint16_t* source, int64_t count, float* values) {
  for (int64_t i = 0; i < count; ++i) values[i] = FloatOfFloat16(source[i]);
}

}  // namespace cohort::model
