// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_SAMPLING_ROW_H_
#define COHORT_KERNELS_SAMPLING_ROW_H_

// The vector parts of kernels/sampling.h; compiled once per instruction set.

#include <cstdint>

namespace cohort::kernels {

// What a row's weights are measured from: weight = exp((logit - max) * inverse_temperature).
struct SamplingScale {
  float max;
  float inverse_temperature;
};

struct SamplingRowFunctions {
  // The largest of the logits, NaN left out; minus infinity when there is none.
  float (*max)(const float* logits, int64_t size);
  // Whether a logit is NaN or plus infinity.
  bool (*is_unusable)(const float* logits, int64_t size);
  // Writes the weights; returns their sum in double, 16 lanes and one fixed tree.
  double (*weights)(const float* logits, int64_t size, SamplingScale scale, float* weights);
};

namespace baseline {
extern const SamplingRowFunctions kSamplingRow;
}
namespace avx2 {
extern const SamplingRowFunctions kSamplingRow;
}
namespace avx512 {
extern const SamplingRowFunctions kSamplingRow;
}

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SAMPLING_ROW_H_
