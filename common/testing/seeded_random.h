// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TESTING_SEEDED_RANDOM_H_
#define COHORT_COMMON_TESTING_SEEDED_RANDOM_H_

#include <cstdint>

namespace cohort::common {

// Choices of a test as a function of a seed, the same on every machine (SplitMix64). Not thread-safe.
class SeededRandom final {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  // From 0 to count - 1.
  int64_t Below(int64_t count) { return static_cast<int64_t>(Next() % static_cast<uint64_t>(count)); }
  // From `low` to `high`, both included.
  int64_t Between(int64_t low, int64_t high) { return low + Below(high - low + 1); }
  // True `per_mille` times in a thousand.
  bool Chance(int64_t per_mille) { return Below(1000) < per_mille; }

 private:
  uint64_t state_;
};

}  // namespace cohort::common

#endif  // COHORT_COMMON_TESTING_SEEDED_RANDOM_H_
