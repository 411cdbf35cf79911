// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_RANDOM_FLOATS_H_
#define COHORT_KERNELS_RANDOM_FLOATS_H_

#include <cstdint>
#include <random>
#include <vector>

namespace cohort::kernels {

// `count` draws of N(0, scale^2) for tests and benchmarks: the same for the same seed and standard library. Pure.
inline std::vector<float> RandomFloats(int64_t count, uint32_t seed, float scale) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0f, scale);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = normal(generator);
  return values;
}

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_RANDOM_FLOATS_H_
