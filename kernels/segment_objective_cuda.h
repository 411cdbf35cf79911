// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_SEGMENT_OBJECTIVE_CUDA_H_
#define COHORT_KERNELS_SEGMENT_OBJECTIVE_CUDA_H_

#include <cstdint>

#include "kernels/segment_objective.h"

struct CUstream_st;

namespace cohort::kernels {

// Doubles of device scratch that ComputeSegmentObjectiveCuda needs, whatever the batch.
int64_t SegmentObjectiveCudaWorkspaceDoubles();

// kernels/segment_objective.h on device memory (every pointer in `inputs` too). One segment per token: one thread each;
// else a warp per segment, or a block where segments are long on average. All sums are fp64 in one fixed tree, so
// results repeat bit by bit; they differ from the CPU's in the last bits. `statistics` (device memory) gets the sums.
// Enqueues on `stream` and returns a cudaError_t (0 is success); workspace and statistics belong to one call at a time.
// Instantiated for float and double.
template <typename Real>
int ComputeSegmentObjectiveCuda(const SegmentInputs<Real>& inputs, Real* gradient_T, SegmentStatistics* statistics,
                                double* workspace, CUstream_st* stream);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SEGMENT_OBJECTIVE_CUDA_H_
