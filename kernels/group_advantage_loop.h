// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_GROUP_ADVANTAGE_LOOP_H_
#define COHORT_KERNELS_GROUP_ADVANTAGE_LOOP_H_

// kernels/group_advantage.h for fp32 and groups of at most kMaxLoopGroupSize, 16 groups at a time (the rest of the last
// 16 is left to the caller); compiled once per instruction set.

#include "kernels/group_advantage.h"

namespace cohort::kernels {

inline constexpr int64_t kMaxLoopGroupSize = 128;

using GroupAdvantageLoopFunction = void (*)(const GroupAdvantageSettings& settings, const GroupRewards<float>& groups,
                                            float* advantages_GN);

namespace baseline {
extern const GroupAdvantageLoopFunction kGroupAdvantageLoop;
}
namespace avx2 {
extern const GroupAdvantageLoopFunction kGroupAdvantageLoop;
}
namespace avx512 {
extern const GroupAdvantageLoopFunction kGroupAdvantageLoop;
}

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_GROUP_ADVANTAGE_LOOP_H_
