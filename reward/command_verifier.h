// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_COMMAND_VERIFIER_H_
#define COHORT_REWARD_COMMAND_VERIFIER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cohort/v1/reward_spec.pb.h"
#include "reward/command_process.h"
#include "reward/verifier.h"

namespace cohort::reward {

// Asks a program of the user's; docs/verifiers.md has the protocol. What the program gets wrong (garbage, another id,
// an early exit) is NO_VERDICT and makes the verifier unusable: its child is killed with the program and replaced.
class CommandVerifier final : public Verifier {
 public:
  static absl::StatusOr<std::unique_ptr<Verifier>> Create(const cohort::v1::VerifierSpec& spec);

  // Starts the program, so that its start-up overlaps with whatever comes before the first judgement.
  void Prepare() override;
  cohort::v1::Score Judge(const cohort::v1::Problem& problem, std::string_view completion) override;
  absl::StatusOr<std::optional<std::string>> GoldCompletion(const cohort::v1::Problem& problem) override;
  bool IsUsable() const override { return is_usable_; }

 private:
  explicit CommandVerifier(const cohort::v1::CommandVerifier& spec) : spec_(spec) {}

  cohort::v1::Score Fault(std::string_view reason);

  const cohort::v1::CommandVerifier spec_;
  absl::StatusOr<std::unique_ptr<CommandProcess>> program_ = nullptr;
  int64_t next_id_ = 1;
  bool is_usable_ = true;
};

}  // namespace cohort::reward

#endif  // COHORT_REWARD_COMMAND_VERIFIER_H_
