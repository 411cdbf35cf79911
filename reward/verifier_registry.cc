// SPDX-License-Identifier: Apache-2.0
#include "reward/verifier_registry.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"

namespace cohort::reward {

using cohort::v1::VerifierSpec;

absl::Status VerifierRegistry::Register(VerifierSpec::VerifierCase verifier_case, Factory factory) {
  if (!factories_.emplace(verifier_case, std::move(factory)).second) {
    return absl::AlreadyExistsError(absl::StrCat("verifier: registered twice (field ", verifier_case, ")"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Verifier>> VerifierRegistry::Create(const VerifierSpec& spec) const {
  const auto it = factories_.find(spec.verifier_case());
  if (it == factories_.end()) {
    const std::string kind = VerifierKind(spec);
    return kind.empty()
               ? common::InvalidField("verifier", "", "none is set; want math_answer, countdown, command or ranking")
               : common::InvalidField(kind, "", "this binary has no such verifier");
  }
  return it->second(spec);
}

std::string VerifierKind(const VerifierSpec& spec) {
  const auto* field = VerifierSpec::descriptor()->FindFieldByNumber(spec.verifier_case());
  return field == nullptr ? "" : field->name();
}

}  // namespace cohort::reward
