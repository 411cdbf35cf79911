// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_SANDBOX_CHILD_LIMITS_H_
#define COHORT_REWARD_SANDBOX_CHILD_LIMITS_H_

#include "absl/time/time.h"

namespace cohort::reward {

// The exit status of a child that ran out of its memory limit.
inline constexpr int kChildOutOfMemory = 87;

// Limits of the calling process, which must be a child of the zygote: 512 MiB of address space beyond what the program
// has mapped by now (running out exits with kChildOutOfMemory), no core files, SIGPIPE ignored.
void LimitChild();

// The calling process may use `budget` and up to two seconds more of processor time from now on; then it is killed. A
// backstop for a parent that is stopped: the deadline is the parent's.
void LimitChildCpu(absl::Duration budget);

}  // namespace cohort::reward

#endif  // COHORT_REWARD_SANDBOX_CHILD_LIMITS_H_
