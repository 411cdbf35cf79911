// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_BUILTIN_VERIFIERS_H_
#define COHORT_REWARD_BUILTIN_VERIFIERS_H_

#include "absl/status/status.h"
#include "reward/verifier_registry.h"

namespace cohort::reward {

// The one list of the verifiers this build has.
absl::Status RegisterBuiltinVerifiers(VerifierRegistry* registry);

}  // namespace cohort::reward

#endif  // COHORT_REWARD_BUILTIN_VERIFIERS_H_
