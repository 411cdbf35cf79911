// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_SANDBOX_JUDGEMENT_CHILD_H_
#define COHORT_REWARD_SANDBOX_JUDGEMENT_CHILD_H_

#include "absl/status/status.h"
#include "reward/verifier_registry.h"

namespace cohort::reward {

// Fills a registry; RegisterBuiltinVerifiers is one.
using RegisterVerifiers = absl::Status (*)(VerifierRegistry* registry);

// The main of a verifier child: limits itself, reads frames from `socket`, judges one after the other and writes each
// score at once, so that the parent sees which judgement is in progress. Returns the exit status when the parent closes
// the socket.
int ServeJudgements(int socket, RegisterVerifiers register_verifiers);

}  // namespace cohort::reward

#endif  // COHORT_REWARD_SANDBOX_JUDGEMENT_CHILD_H_
