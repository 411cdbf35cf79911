// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_COMMAND_VERIFIERS_H_
#define COHORT_COORDINATOR_COMMAND_VERIFIERS_H_

#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "cohort/v1/job.pb.h"
#include "common/security/caller.h"

namespace cohort::coordinator {

// Who may submit jobs with command verifiers: programs of the submitter's choice, which the coordinator runs at submit
// and every rollout worker later.
enum class CommandVerifierUse { kSubmitters, kAdmins, kOff };

// By the words of the flag --command_verifiers: submitters, admins, off. Nothing for any other.
std::optional<CommandVerifierUse> CommandVerifierUseOf(std::string_view word);

// PERMISSION_DENIED with the path of the first command verifier of a job that this caller may not submit. Pure.
absl::Status CheckCommandVerifiers(const cohort::v1::JobSpec& spec, CommandVerifierUse use,
                                   const security::Caller& caller);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_COMMAND_VERIFIERS_H_
