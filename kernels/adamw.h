// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_ADAMW_H_
#define COHORT_KERNELS_ADAMW_H_

#include <cstdint>

#include "kernels/adamw_factors.h"
#include "kernels/cpu_execution.h"

namespace cohort::kernels {

// One AdamW step (Loshchilov, Hutter: "Decoupled weight decay regularization", ICLR 2019) over flat fp32 arrays, in
// place, with clipping before it and a cast behind it in the same pass over memory:
//   g = scale * grad;  m += (g - m)(1 - beta1);  v = beta2 v + (1 - beta2) g g
//   param = decay * param - step_size * m / (sqrt(v) / sqrt(1 - beta2^step) + epsilon);  param_bf16 = bf16(param)
// Element by element, so splitting the arrays changes nothing. Same bits under every instruction set and with any
// number of threads. Keeps no state.
void AdamWStep(const AdamWSettings& settings, int64_t count, const AdamWArrays& arrays, const CpuExecution& cpu = {});

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_ADAMW_H_
