// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_SEGMENT_TOKEN_LOOP_H_
#define COHORT_KERNELS_SEGMENT_TOKEN_LOOP_H_

// kernels/segment_objective.h for fp32 with one segment per token; compiled once per instruction set.

#include "kernels/segment_objective.h"

namespace cohort::kernels {

using SegmentTokenLoopFunction = SegmentStatistics (*)(const SegmentInputs<float>& inputs, float* gradient_T);

namespace baseline {
extern const SegmentTokenLoopFunction kSegmentTokenLoop;
}
namespace avx2 {
extern const SegmentTokenLoopFunction kSegmentTokenLoop;
}
namespace avx512 {
extern const SegmentTokenLoopFunction kSegmentTokenLoop;
}

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SEGMENT_TOKEN_LOOP_H_
