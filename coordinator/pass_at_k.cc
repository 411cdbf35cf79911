// SPDX-License-Identifier: Apache-2.0
#include "coordinator/pass_at_k.h"

namespace cohort::coordinator {

double PassAtK(int64_t num_judged, int64_t num_correct, int64_t k) {
  const int64_t num_wrong = num_judged - num_correct;
  // Of the quotient of the binomials, factor by factor: the binomials themselves are beyond any number type.
  double all_wrong = 1;
  for (int64_t i = 0; i < k; ++i) {
    if (num_wrong <= i) return 1;
    all_wrong *= static_cast<double>(num_wrong - i) / static_cast<double>(num_judged - i);
  }
  return 1 - all_wrong;
}

}  // namespace cohort::coordinator
