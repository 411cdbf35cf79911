// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_ATTENTION_OPTIONS_H_
#define COHORT_KERNELS_TORCH_ATTENTION_OPTIONS_H_

#include <cstdint>

namespace cohort::kernels {

struct AttentionOptions {
  double scale;        // of the scores before softmax
  int64_t window = 0;  // keys that a row sees, its own included; 0: every key up to its own
};

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_ATTENTION_OPTIONS_H_
