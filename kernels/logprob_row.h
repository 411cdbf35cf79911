// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_LOGPROB_ROW_H_
#define COHORT_KERNELS_LOGPROB_ROW_H_

// The arithmetic of kernels/logprob.h on one row; compiled once per instruction set.

#include <cstdint>

namespace cohort::kernels {

// Over z = logits * inverse_temperature: the largest, the sum of e = exp(z - max), and the sum of (z - max) e.
struct SoftmaxSums {
  float max;
  double sum;
  double weighted_sum;
};

struct LogprobRowFunctions {
  SoftmaxSums (*sums)(const float* logits, int64_t vocab_size, float inverse_temperature);
  // logits[v] = exp(logits[v] * inverse_temperature - max) * factor.
  void (*scaled_exp)(float* logits, int64_t vocab_size, float inverse_temperature, float max, float factor);
  // With d = logits[v] * inverse_temperature - max: logits[v] = exp(d) * (factor + slope * d), 0 where exp(d) is 0.
  void (*tilted_exp)(float* logits, int64_t vocab_size, float inverse_temperature, float max, float factor,
                     float slope);
};

namespace baseline {
extern const LogprobRowFunctions kLogprobRow;
}
namespace avx2 {
extern const LogprobRowFunctions kLogprobRow;
}
namespace avx512 {
extern const LogprobRowFunctions kLogprobRow;
}

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_LOGPROB_ROW_H_
