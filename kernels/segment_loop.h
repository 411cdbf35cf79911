// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_SEGMENT_LOOP_H_
#define COHORT_KERNELS_SEGMENT_LOOP_H_

// kernels/segment_objective.h for fp32; compiled once per instruction set.

#include "kernels/segment_objective.h"

namespace cohort::kernels {

using SegmentLoopFunction = SegmentStatistics (*)(const SegmentInputs<float>& inputs, float* gradient_T);

struct SegmentLoopFunctions {
  SegmentLoopFunction tokens;    // without segment_offsets
  SegmentLoopFunction segments;  // with them
};

namespace baseline {
extern const SegmentLoopFunctions kSegmentLoop;
}
namespace avx2 {
extern const SegmentLoopFunctions kSegmentLoop;
}
namespace avx512 {
extern const SegmentLoopFunctions kSegmentLoop;
}

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SEGMENT_LOOP_H_
