// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_SANDBOX_HOSTILE_VERIFIER_H_
#define COHORT_REWARD_SANDBOX_HOSTILE_VERIFIER_H_

#include "absl/status/status.h"
#include "reward/verifier_registry.h"

namespace cohort::reward {

// For tests: a verifier that does what the completion says.
//   grade X        GRADED with value X           wrong          WRONG
//   grade_nan      GRADED with NaN               no_outcome     a score without one
//   no_verdict     NO_VERDICT                    pid            GRADED 1, reason = pid of the child
//   spin           never returns                 allocate       takes memory without end
//   crash          dies by SIGABRT               exit N         _exit(N)
//   throw          throws                        forge          writes garbage to the parent's socket
//   once FILE X    X at the first time (FILE does not exist: it is created with the pid), then as "pid"
// Registered as math_answer by the function below, served by HostileChildMain.
absl::Status RegisterHostileVerifier(VerifierRegistry* registry);

// ServeJudgements with it.
int HostileChildMain(int socket);

}  // namespace cohort::reward

#endif  // COHORT_REWARD_SANDBOX_HOSTILE_VERIFIER_H_
