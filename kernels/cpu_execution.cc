// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu_execution.h"

#include <utility>

namespace cohort::kernels {

void RunInCallingThread(int64_t count, const ParallelBody& body) {
  if (count > 0) body(0, count);
}

CpuExecution::CpuExecution(CpuTarget target, ParallelFor parallel_for)
    : target(target), parallel_for(std::move(parallel_for)) {}

}  // namespace cohort::kernels
