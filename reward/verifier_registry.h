// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_VERIFIER_REGISTRY_H_
#define COHORT_REWARD_VERIFIER_REGISTRY_H_

#include <functional>
#include <map>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/reward_spec.pb.h"
#include "reward/verifier.h"

namespace cohort::reward {

// Makes verifiers from their specs, keyed by the oneof case of VerifierSpec. Thread-safe once filled.
class VerifierRegistry final {
 public:
  // INVALID_ARGUMENT names the field relative to the VerifierSpec ("math_answer.answer_marker").
  using Factory = std::function<absl::StatusOr<std::unique_ptr<Verifier>>(const cohort::v1::VerifierSpec& spec)>;

  // ALREADY_EXISTS for a second factory of one case.
  absl::Status Register(cohort::v1::VerifierSpec::VerifierCase verifier_case, Factory factory);

  // INVALID_ARGUMENT when the spec names no verifier or one that is not registered.
  absl::StatusOr<std::unique_ptr<Verifier>> Create(const cohort::v1::VerifierSpec& spec) const;

 private:
  std::map<int, Factory> factories_;
};

// The field name of the spec's verifier ("math_answer"); empty when none is set.
std::string VerifierKind(const cohort::v1::VerifierSpec& spec);

}  // namespace cohort::reward

#endif  // COHORT_REWARD_VERIFIER_REGISTRY_H_
