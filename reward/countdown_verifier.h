// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_COUNTDOWN_VERIFIER_H_
#define COHORT_REWARD_COUNTDOWN_VERIFIER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cohort/v1/reward_spec.pb.h"
#include "reward/rational.h"
#include "reward/verifier.h"

namespace cohort::reward {

// Grades 1 when the completion's last line is an expression of + - * / and brackets that uses each given number at most
// once (exactly once with require_all_numbers), uses no other number, and equals the target exactly; WRONG otherwise.
// The line may stand in <answer> tags and may end in "= target". Immutable.
class CountdownVerifier final : public Verifier {
 public:
  static absl::StatusOr<std::unique_ptr<Verifier>> Create(const cohort::v1::VerifierSpec& spec);

  cohort::v1::Score Judge(const cohort::v1::Problem& problem, std::string_view completion) override;
  // Problem.answer if it is more than the target: a witness solution.
  absl::StatusOr<std::optional<std::string>> GoldCompletion(const cohort::v1::Problem& problem) override;

 private:
  // The ground truth of one row.
  struct Puzzle {
    std::vector<Rational> numbers;
    Rational target;
  };

  explicit CountdownVerifier(const cohort::v1::CountdownVerifier& spec);

  absl::StatusOr<Puzzle> ParseRow(const cohort::v1::Problem& problem) const;
  // OK, or what is wrong with the numbers used.
  absl::Status CheckNumbers(const Puzzle& puzzle, const std::vector<Rational>& used) const;

  const std::string numbers_field_;
  const std::string target_field_;
  const bool require_all_numbers_;
};

}  // namespace cohort::reward

#endif  // COHORT_REWARD_COUNTDOWN_VERIFIER_H_
