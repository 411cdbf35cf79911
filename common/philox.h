// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_PHILOX_H_
#define COHORT_COMMON_PHILOX_H_

#include <array>
#include <cstdint>

namespace cohort::common {

// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011): four random words
// as a pure function of a counter and a key. No state, so a draw does not depend on what was drawn before it.
inline std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53} * counter[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(product0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

// Uniform in (0, 1): never 0, never 1.
inline double UniformOpen(uint32_t word) { return (word + 0.5) * (1.0 / 4294967296.0); }

}  // namespace cohort::common

#endif  // COHORT_COMMON_PHILOX_H_
