// SPDX-License-Identifier: Apache-2.0
#include "objective/top_entropy.h"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace cohort::objective {
namespace {

constexpr uint64_t kSignBit = uint64_t{1} << 63;
constexpr int kBitsPerRound = 16;

// Unsigned integers in the order of the numbers.
uint64_t KeyOf(double value) {
  const uint64_t bits = std::bit_cast<uint64_t>(value + 0.0);  // -0 counts as 0
  return (bits & kSignBit) != 0 ? ~bits : bits | kSignBit;
}

double ValueOf(uint64_t key) { return std::bit_cast<double>((key & kSignBit) != 0 ? key & ~kSignBit : ~key); }

// Tokens below the threshold: the upper of the two order statistics that a quantile lies between.
double RankOf(double share, double num_tokens) {
  const double position = (1 - share) * (num_tokens - 1);
  return std::ceil(position - 1e-9);  // a whole position may come out a rounding error above
}

}  // namespace

void CountTopEntropy(const TrainedTokens& trained, std::span<const double> entropies_T,
                     const UpdateStatistics& statistics, std::span<double> bins) {
  const int shift = 64 - kBitsPerRound * (statistics.round + 1);
  for (size_t t = 0; t < entropies_T.size(); ++t) {
    if (trained.mask_T[t] == 0) continue;
    const uint64_t key = KeyOf(entropies_T[t]) >> shift;
    if (statistics.round == 0 || key >> kBitsPerRound == statistics.threshold_prefix) {
      bins[key & (kNumTopEntropyBins - 1)] += 1;
    }
  }
}

void NarrowTopEntropy(double share, std::span<const double> bins, UpdateStatistics* statistics) {
  if (statistics->num_tokens == 0) {
    statistics->entropy_threshold = -std::numeric_limits<double>::infinity();
    return;
  }
  if (statistics->round == 0) statistics->threshold_rank = RankOf(share, statistics->num_tokens);
  size_t bin = 0;
  while (bin + 1 < bins.size() && statistics->threshold_rank >= bins[bin]) statistics->threshold_rank -= bins[bin++];
  statistics->threshold_prefix = statistics->threshold_prefix << kBitsPerRound | bin;
  if (statistics->round + 1 == kNumTopEntropyRounds) {
    statistics->entropy_threshold = ValueOf(statistics->threshold_prefix);
  }
}

}  // namespace cohort::objective
