// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_CPU_TARGET_H_
#define COHORT_KERNELS_CPU_TARGET_H_

#include <cstdint>
#include <vector>

namespace cohort::kernels {

// Instruction sets the CPU operators are compiled for. Every target runs the same additions and multiplications in the
// same order on 16 virtual lanes, so the choice changes the speed and never a bit of the result.
enum class CpuTarget : int32_t { kBaseline = 0, kAvx2 = 1, kAvx512 = 2 };

// Whether this processor can run `target`.
bool IsSupported(CpuTarget target);

// The fastest supported target; detected once. Thread-safe.
CpuTarget BestCpuTarget();

// All supported targets, slowest first (for tests that compare them).
std::vector<CpuTarget> SupportedCpuTargets();

const char* CpuTargetName(CpuTarget target);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_CPU_TARGET_H_
