// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu_target.h"

namespace cohort::kernels {

bool IsSupported(CpuTarget target) {
  switch (target) {
    case CpuTarget::kBaseline:
      return true;
    case CpuTarget::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case CpuTarget::kAvx512:
      return IsSupported(CpuTarget::kAvx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  }
  return false;
}

CpuTarget BestCpuTarget() {
  static const CpuTarget best = SupportedCpuTargets().back();
  return best;
}

std::vector<CpuTarget> SupportedCpuTargets() {
  std::vector<CpuTarget> targets;
  for (CpuTarget target : {CpuTarget::kBaseline, CpuTarget::kAvx2, CpuTarget::kAvx512}) {
    if (IsSupported(target)) targets.push_back(target);
  }
  return targets;
}

const char* CpuTargetName(CpuTarget target) {
  switch (target) {
    case CpuTarget::kBaseline:
      return "baseline";
    case CpuTarget::kAvx2:
      return "avx2";
    case CpuTarget::kAvx512:
      return "avx512";
  }
  return "unknown";
}

}  // namespace cohort::kernels
