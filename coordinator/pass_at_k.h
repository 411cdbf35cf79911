// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_PASS_AT_K_H_
#define COHORT_COORDINATOR_PASS_AT_K_H_

#include <cstdint>

namespace cohort::coordinator {

// The share of all choices of `k` out of `num_judged` completions with at least one of the `num_correct` among them,
// 1 - C(n - c, k) / C(n, k): the unbiased estimate of pass@k (Chen et al. 2021, arXiv 2107.03374). Requires
// 1 <= k <= num_judged and 0 <= num_correct <= num_judged. Pure.
double PassAtK(int64_t num_judged, int64_t num_correct, int64_t k);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_PASS_AT_K_H_
