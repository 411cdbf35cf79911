// SPDX-License-Identifier: Apache-2.0
#include "kernels/normal_draw_loop.h"

namespace cohort::kernels::COHORT_CPU_TARGET {
namespace {

constexpr int kBlocks = static_cast<int>(kNormalBlocks);
// Twice what the approximations below can be off by, and more.
constexpr double kOpenShare = 1e-12;

struct Words {
  uint32_t word[4][kBlocks];
};

// The rounds of common/philox.h, all blocks side by side.
void DrawWords(const NormalSource& source, uint64_t first_block, Words* words) {
  auto& c = words->word;
  for (int b = 0; b < kBlocks; ++b) {
    const uint64_t block = first_block + static_cast<uint64_t>(b);
    c[0][b] = static_cast<uint32_t>(block);
    c[1][b] = static_cast<uint32_t>(block >> 32);
    c[2][b] = source.stream;
    c[3][b] = 0;
  }
  uint32_t key0 = source.key[0], key1 = source.key[1];
  for (int round = 0; round < 10; ++round) {
    for (int b = 0; b < kBlocks; ++b) {
      const uint64_t product0 = uint64_t{0xD2511F53} * c[0][b];
      const uint64_t product1 = uint64_t{0xCD9E8D57} * c[2][b];
      c[0][b] = static_cast<uint32_t>(product1 >> 32) ^ c[1][b] ^ key0;
      c[1][b] = static_cast<uint32_t>(product1);
      c[2][b] = static_cast<uint32_t>(product0 >> 32) ^ c[3][b] ^ key1;
      c[3][b] = static_cast<uint32_t>(product0);
    }
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
}

inline double DoubleOf(uint64_t bits) { return __builtin_bit_cast(double, bits); }
inline uint64_t BitsOf(double value) { return __builtin_bit_cast(uint64_t, value); }

// (word + 0.5) / 2^32, exactly. The low bits of 2^52 + word are the word.
inline double Uniform(uint32_t word) {
  return (DoubleOf(0x4330000000000000 | word) - 4503599627370496.0 + 0.5) * (1.0 / 4294967296.0);
}

// ln u of a normal u in (0, 1): u = 2^k m with m in [sqrt(1/2), sqrt(2)), ln m = 2 artanh((m - 1) / (m + 1)).
inline double Log(double u) {
  constexpr uint64_t kSqrtHalf = 0x3fe6a09e667f3bcd;
  const uint64_t shifted = BitsOf(u) + (0x3ff0000000000000 - kSqrtHalf);
  const double k = DoubleOf(0x4330000000000000 | (shifted >> 52)) - (4503599627370496.0 + 1023.0);
  const double m = DoubleOf((shifted & 0x000fffffffffffff) + kSqrtHalf);
  const double s = (m - 1.0) / (m + 1.0);
  const double z = s * s;
  double sum = 1.0 / 21;
  sum = sum * z + 1.0 / 19;
  sum = sum * z + 1.0 / 17;
  sum = sum * z + 1.0 / 15;
  sum = sum * z + 1.0 / 13;
  sum = sum * z + 1.0 / 11;
  sum = sum * z + 1.0 / 9;
  sum = sum * z + 1.0 / 7;
  sum = sum * z + 1.0 / 5;
  sum = sum * z + 1.0 / 3;
  return k * 0.6931471805599453 + (2 * s + 2 * s * z * sum);
}

struct SinCos {
  double sin, cos;
};

// Of an angle in [0, 2 pi]: Taylor's series of what is left beside the nearest multiple of pi / 2, which is taken off
// in two parts so that nothing of a small rest is lost.
inline SinCos SinCosOf(double angle) {
  constexpr double kToInteger = 6755399441055744.0;  // 1.5 x 2^52: the sum's low bits are the rounded integer
  constexpr double kHalfPiHigh = 0x1.921fb544p+0, kHalfPiLow = 0x1.0b4611a626331p-34;
  const double shifted = angle * 0.6366197723675814 + kToInteger;
  const uint64_t quarter = BitsOf(shifted);
  const double quarters = shifted - kToInteger;
  const double x = (angle - quarters * kHalfPiHigh) - quarters * kHalfPiLow;
  const double z = x * x;
  double odd = -1.0 / 1307674368000.0;  // 15!
  odd = odd * z + 1.0 / 6227020800.0;
  odd = odd * z - 1.0 / 39916800.0;
  odd = odd * z + 1.0 / 362880.0;
  odd = odd * z - 1.0 / 5040.0;
  odd = odd * z + 1.0 / 120.0;
  odd = odd * z - 1.0 / 6.0;
  const double sine = x + x * z * odd;
  double even = 1.0 / 20922789888000.0;  // 16!
  even = even * z - 1.0 / 87178291200.0;
  even = even * z + 1.0 / 479001600.0;
  even = even * z - 1.0 / 3628800.0;
  even = even * z + 1.0 / 40320.0;
  even = even * z - 1.0 / 720.0;
  even = even * z + 1.0 / 24.0;
  even = even * z - 1.0 / 2.0;
  const double cosine = 1.0 + z * even;
  // All ones where sine and cosine change places.
  const uint64_t swap = uint64_t{0} - (quarter & 1);
  const uint64_t sine_bits = (BitsOf(sine) & ~swap) | (BitsOf(cosine) & swap);
  const uint64_t cosine_bits = (BitsOf(cosine) & ~swap) | (BitsOf(sine) & swap);
  return {DoubleOf(sine_bits ^ ((quarter & 2) << 62)), DoubleOf(cosine_bits ^ (((quarter + 1) & 2) << 62))};
}

inline int32_t IsOpen(double value) {
  return static_cast<float>(value * (1 - kOpenShare)) != static_cast<float>(value * (1 + kOpenShare)) ? 1 : 0;
}

void NormalLoop(const NormalSource& source, uint64_t first_block, NormalChunk* chunk) {
  Words words;
  DrawWords(source, first_block, &words);
  const double scale = source.scale;
  int32_t num_open = 0;
  for (int pair = 0; pair < 2; ++pair) {
    const uint32_t* __restrict word0 = words.word[2 * pair];
    const uint32_t* __restrict word1 = words.word[2 * pair + 1];
    double products[2][kBlocks];
    for (int b = 0; b < kBlocks; ++b) {
      const double radius = scale * __builtin_sqrt(-2.0 * Log(Uniform(word0[b])));
      const SinCos direction = SinCosOf(6.283185307179586 * Uniform(word1[b]));
      products[0][b] = radius * direction.cos;
      products[1][b] = radius * direction.sin;
    }
    for (int half = 0; half < 2; ++half) {
      float* __restrict values = chunk->values[2 * pair + half];
      int32_t* __restrict is_open = chunk->is_open[2 * pair + half];
      for (int b = 0; b < kBlocks; ++b) {
        values[b] = static_cast<float>(products[half][b]);
        is_open[b] = IsOpen(products[half][b]);
        num_open += is_open[b];
      }
    }
  }
  chunk->num_open = num_open;
}

}  // namespace

extern const NormalLoopFunction kNormalLoop;
const NormalLoopFunction kNormalLoop = NormalLoop;

}  // namespace cohort::kernels::COHORT_CPU_TARGET
