// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_SAMPLING_H_
#define COHORT_KERNELS_SAMPLING_H_

#include <cstdint>

#include "kernels/cpu_target.h"

namespace cohort::kernels {

struct SamplingSettings {
  double temperature = 1.0;  // 0: the largest logit, the lowest id among equals
  int64_t top_k = 0;         // keep the k largest logits; 0: all
  double top_p = 1.0;        // of those, the fewest largest whose probabilities reach top_p; 1: all
};

struct SampledToken {
  int64_t token;
  double logprob;  // under the filtered distribution at this temperature; 0 for greedy
};

// Draws one token from a row of fp32 logits by inverting the cumulative distribution in ascending id order at
// `uniform`, a number in (0, 1). Probabilities are summed in double in one fixed order. Filters rank by logit, the
// lower id first among equals. Requires vocab_size >= 1, temperature >= 0, top_k >= 0, 0 < top_p <= 1; minus infinity
// has probability 0. Returns token -1 when no logit is finite or one is NaN or plus infinity. Same token under every
// instruction set. Keeps no state; thread-safe.
SampledToken SampleToken(const float* logits_V, int64_t vocab_size, const SamplingSettings& settings, double uniform,
                         CpuTarget target = BestCpuTarget());

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SAMPLING_H_
