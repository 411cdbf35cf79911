// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_CPU_EXECUTION_H_
#define COHORT_KERNELS_CPU_EXECUTION_H_

// How an operator runs on the CPU: with which instruction set and on whose threads. Neither changes a bit of a result:
// an operator shares out what is written by one owner only, and every sum is one owner's, in one order.

#include <cstdint>
#include <functional>

#include "kernels/cpu_target.h"

namespace cohort::kernels {

using ParallelBody = std::function<void(int64_t first, int64_t last)>;

// Calls the body on disjoint ranges that cover [0, count), perhaps at once on several threads, and returns when all
// calls have. Cutting and order are its own affair. The threads are the caller's: kernels start none.
using ParallelFor = std::function<void(int64_t count, const ParallelBody& body)>;

// The whole range at once, on the calling thread.
void RunInCallingThread(int64_t count, const ParallelBody& body);

struct CpuExecution {
  // Not explicit: most callers name one of the two or none.
  CpuExecution(CpuTarget target = BestCpuTarget(), ParallelFor parallel_for = RunInCallingThread);

  CpuTarget target;
  ParallelFor parallel_for;
};

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_CPU_EXECUTION_H_
