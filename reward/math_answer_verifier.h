// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_MATH_ANSWER_VERIFIER_H_
#define COHORT_REWARD_MATH_ANSWER_VERIFIER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cohort/v1/reward_spec.pb.h"
#include "reward/rational.h"
#include "reward/verifier.h"

namespace cohort::reward {

// Grades 1 when the completion's final answer (answer_extraction.h) and the ground truth are the same exact number;
// WRONG otherwise. The ground truth is a number (or an expression, where those are allowed), or a text with one after
// its last "####" or in its last \boxed{}. Immutable.
class MathAnswerVerifier final : public Verifier {
 public:
  static absl::StatusOr<std::unique_ptr<Verifier>> Create(const cohort::v1::VerifierSpec& spec);

  cohort::v1::Score Judge(const cohort::v1::Problem& problem, std::string_view completion) override;
  absl::StatusOr<std::optional<std::string>> GoldCompletion(const cohort::v1::Problem& problem) override;

 private:
  // The ground truth: where it stands in Problem.answer, and its value.
  struct Gold {
    std::string_view text;
    Rational value;
  };

  explicit MathAnswerVerifier(const cohort::v1::MathAnswerVerifier& spec) : spec_(spec) {}

  absl::StatusOr<Rational> Value(std::string_view answer) const;
  absl::StatusOr<Gold> ParseGold(std::string_view ground_truth) const;

  const cohort::v1::MathAnswerVerifier spec_;
};

}  // namespace cohort::reward

#endif  // COHORT_REWARD_MATH_ANSWER_VERIFIER_H_
