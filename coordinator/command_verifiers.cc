// SPDX-License-Identifier: Apache-2.0
#include "coordinator/command_verifiers.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"

namespace cohort::coordinator {
namespace {

absl::Status Denied(const std::string& field, const cohort::v1::VerifierSpec& verifier, CommandVerifierUse use) {
  const std::string program = verifier.command().argv().empty() ? "" : verifier.command().argv(0);
  const absl::Status invalid = common::InvalidField(
      field, program,
      use == CommandVerifierUse::kOff ? "this coordinator takes no command verifiers (--command_verifiers=off)"
                                      : "this coordinator takes command verifiers from admins only "
                                        "(--command_verifiers=admins)");
  absl::Status denied = absl::PermissionDeniedError(invalid.message());
  invalid.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) { denied.SetPayload(url, payload); });
  return denied;
}

absl::Status CheckReward(const cohort::v1::RewardSpec& reward, const std::string& field, CommandVerifierUse use) {
  for (int i = 0; i < reward.verifiers_size(); ++i) {
    if (!reward.verifiers(i).has_command()) continue;
    return Denied(absl::StrCat(field, ".verifiers[", i, "].command"), reward.verifiers(i), use);
  }
  return absl::OkStatus();
}

}  // namespace

std::optional<CommandVerifierUse> CommandVerifierUseOf(std::string_view word) {
  if (word == "submitters") return CommandVerifierUse::kSubmitters;
  if (word == "admins") return CommandVerifierUse::kAdmins;
  if (word == "off") return CommandVerifierUse::kOff;
  return std::nullopt;
}

absl::Status CheckCommandVerifiers(const cohort::v1::JobSpec& spec, CommandVerifierUse use,
                                   const security::Caller& caller) {
  if (use == CommandVerifierUse::kSubmitters) return absl::OkStatus();
  if (use == CommandVerifierUse::kAdmins && caller.role == security::Role::kAdmin) return absl::OkStatus();
  COHORT_RETURN_IF_ERROR(CheckReward(spec.rlvr().reward(), "rlvr.reward", use));
  COHORT_RETURN_IF_ERROR(CheckReward(spec.evaluation().reward(), "evaluation.reward", use));
  return CheckReward(spec.rescore().reward(), "rescore.reward", use);
}

}  // namespace cohort::coordinator
