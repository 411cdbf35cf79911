// SPDX-License-Identifier: Apache-2.0
#include "reward/math_answer_verifier.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "reward/answer_extraction.h"
#include "reward/expression.h"
#include "reward/number_parser.h"
#include "reward/score.h"

namespace cohort::reward {
namespace {

constexpr size_t kMaxCompletionBytes = 1 << 20;

std::string_view Stripped(std::string_view text) {
  const absl::string_view stripped = absl::StripAsciiWhitespace(absl::string_view(text.data(), text.size()));
  return std::string_view(stripped.data(), stripped.size());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Verifier>> MathAnswerVerifier::Create(const cohort::v1::VerifierSpec& spec) {
  if (spec.math_answer().answer_marker().find('\n') != std::string::npos) {
    return common::InvalidField("math_answer.answer_marker", spec.math_answer().answer_marker(),
                                "must be part of one line");
  }
  return std::unique_ptr<Verifier>(new MathAnswerVerifier(spec.math_answer()));
}

cohort::v1::Score MathAnswerVerifier::Judge(const cohort::v1::Problem& problem, std::string_view completion) {
  const absl::StatusOr<Gold> gold = ParseGold(problem.answer());
  if (!gold.ok()) return NoVerdictScore(std::string(gold.status().message()));
  if (completion.size() > kMaxCompletionBytes) {
    return WrongScore(absl::StrCat("the completion is longer than ", kMaxCompletionBytes, " bytes"));
  }
  const absl::StatusOr<std::string_view> answer = ExtractAnswer(completion, spec_.answer_marker());
  if (!answer.ok()) return WrongScore(std::string(answer.status().message()));
  const absl::StatusOr<Rational> value = Value(*answer);
  if (!value.ok()) return WrongScore(std::string(value.status().message()));
  if (*value == gold->value) return GradedScore(1);
  return WrongScore(absl::StrCat("answer ", Quoted(*answer), " is not ", Quoted(gold->text)));
}

absl::StatusOr<std::optional<std::string>> MathAnswerVerifier::GoldCompletion(const cohort::v1::Problem& problem) {
  COHORT_ASSIGN_OR_RETURN(const Gold gold, ParseGold(problem.answer()));
  const std::string marker = spec_.answer_marker().empty() ? "####" : spec_.answer_marker();
  return absl::StrCat(marker, " ", std::string(gold.text));
}

absl::StatusOr<Rational> MathAnswerVerifier::Value(std::string_view answer) const {
  absl::StatusOr<Rational> number = ParseNumber(answer);
  if (number.ok() || !spec_.allow_expressions()) return number;
  return EvaluateExpression(answer, ExpressionLimits(), /*trace=*/nullptr);
}

absl::StatusOr<MathAnswerVerifier::Gold> MathAnswerVerifier::ParseGold(std::string_view ground_truth) const {
  // The text as it stands, then where data sets put the answer of a worked solution. Not the last number: a ground
  // truth that has to be guessed at is unusable.
  absl::StatusOr<std::string_view> text = ground_truth;
  bool has_box = false;
  const absl::StatusOr<std::string_view> boxed = LastBoxed(ground_truth, &has_box);
  if (has_box) {
    text = boxed;
  } else if (absl::StrContains(absl::string_view(ground_truth.data(), ground_truth.size()), "####")) {
    text = TextAfterLastMarker(ground_truth, "####");
  }
  if (text.ok()) text = Stripped(*text);
  absl::StatusOr<Rational> value = text.ok() ? Value(*text) : text.status();
  if (!value.ok() || text->find('\n') != std::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("the ground truth is not ", spec_.allow_expressions() ? "a number or an expression" : "one number",
                     ": ", value.ok() ? "it has more than one line" : value.status().message()));
  }
  return Gold{*text, *std::move(value)};
}

}  // namespace cohort::reward
