// SPDX-License-Identifier: Apache-2.0
#include "reward/countdown_verifier.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"
#include "reward/answer_extraction.h"
#include "reward/expression.h"
#include "reward/number_parser.h"
#include "reward/score.h"
#include "reward/verifier_defaults.h"

namespace cohort::reward {
namespace {

constexpr size_t kMaxNumbers = 16;
constexpr ExpressionLimits kLimits = {.max_bytes = 1024, .max_depth = 64, .max_operations = 64, .allow_power = false};

absl::StatusOr<Rational> WholeNumber(const nlohmann::json& value, const std::string& field) {
  const bool is_too_large = value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX;
  if (value.is_number_integer() && !is_too_large) return Rational(value.get<int64_t>());
  return absl::InvalidArgumentError(
      absl::StrCat("field ", Quoted(field), " of the row is not made of whole numbers (", Quoted(value.dump()), ")"));
}

// "<answer> X </answer>" gives X; anything else is returned as it is.
std::string_view WithoutAnswerTags(std::string_view line) {
  constexpr std::string_view kOpen = "<answer>";
  constexpr std::string_view kClose = "</answer>";
  const size_t open = line.rfind(kOpen);
  if (open == std::string_view::npos) return line;
  line.remove_prefix(open + kOpen.size());
  return line.substr(0, line.find(kClose));
}

}  // namespace

CountdownVerifier::CountdownVerifier(const cohort::v1::CountdownVerifier& spec)
    : numbers_field_(spec.numbers_field()),
      target_field_(spec.target_field()),
      require_all_numbers_(spec.require_all_numbers()) {}

absl::StatusOr<std::unique_ptr<Verifier>> CountdownVerifier::Create(const cohort::v1::VerifierSpec& spec) {
  cohort::v1::CountdownVerifier countdown = spec.countdown();
  SetDefaults(&countdown);
  return std::unique_ptr<Verifier>(new CountdownVerifier(countdown));
}

cohort::v1::Score CountdownVerifier::Judge(const cohort::v1::Problem& problem, std::string_view completion) {
  const absl::StatusOr<Puzzle> puzzle = ParseRow(problem);
  if (!puzzle.ok()) return NoVerdictScore(std::string(puzzle.status().message()));
  absl::StatusOr<std::string_view> line = LastLine(completion);
  if (!line.ok()) return WrongScore(std::string(line.status().message()));
  std::string_view expression = WithoutAnswerTags(*line);
  const size_t equals = expression.rfind('=');
  if (equals != std::string_view::npos) {
    const absl::StatusOr<Rational> claimed = ParseNumber(expression.substr(equals + 1));
    if (!claimed.ok() || !(*claimed == puzzle->target)) {
      return WrongScore(absl::StrCat("the right side of ", Quoted(expression), " is not the target"));
    }
    expression = expression.substr(0, equals);
  }
  ExpressionTrace trace;
  const absl::StatusOr<Rational> value = EvaluateExpression(expression, kLimits, &trace);
  if (!value.ok()) return WrongScore(std::string(value.status().message()));
  const absl::Status numbers = CheckNumbers(*puzzle, trace.literals);
  if (!numbers.ok()) return WrongScore(std::string(numbers.message()));
  if (*value == puzzle->target) return GradedScore(1);
  return WrongScore(absl::StrCat("the expression equals ", Quoted(value->ToString()), ", not the target ",
                                 puzzle->target.ToString()));
}

absl::StatusOr<std::optional<std::string>> CountdownVerifier::GoldCompletion(const cohort::v1::Problem& problem) {
  COHORT_ASSIGN_OR_RETURN(const Puzzle puzzle, ParseRow(problem));
  const absl::StatusOr<Rational> answer = ParseNumber(problem.answer());
  if (problem.answer().empty() || (answer.ok() && *answer == puzzle.target)) return std::nullopt;
  return problem.answer();
}

absl::StatusOr<CountdownVerifier::Puzzle> CountdownVerifier::ParseRow(const cohort::v1::Problem& problem) const {
  const nlohmann::json row = nlohmann::json::parse(problem.row_json(), /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!row.is_object()) return absl::InvalidArgumentError("the row is not a JSON object");
  const auto numbers = row.find(numbers_field_);
  const auto target = row.find(target_field_);
  if (numbers == row.end() || !numbers->is_array() || numbers->empty() || numbers->size() > kMaxNumbers) {
    return absl::InvalidArgumentError(
        absl::StrCat("field ", Quoted(numbers_field_), " of the row is not a list of 1 to ", kMaxNumbers, " numbers"));
  }
  if (target == row.end()) {
    return absl::InvalidArgumentError(absl::StrCat("the row has no field ", Quoted(target_field_)));
  }
  Puzzle puzzle;
  for (const nlohmann::json& number : *numbers) {
    COHORT_ASSIGN_OR_RETURN(Rational value, WholeNumber(number, numbers_field_));
    puzzle.numbers.push_back(std::move(value));
  }
  COHORT_ASSIGN_OR_RETURN(puzzle.target, WholeNumber(*target, target_field_));
  return puzzle;
}

absl::Status CountdownVerifier::CheckNumbers(const Puzzle& puzzle, const std::vector<Rational>& used) const {
  std::vector<Rational> left = puzzle.numbers;
  for (const Rational& number : used) {
    const auto it = std::find(left.begin(), left.end(), number);
    if (it == left.end()) {
      return absl::InvalidArgumentError(absl::StrCat(Quoted(number.ToString()), " is not given, or not that often"));
    }
    left.erase(it);
  }
  if (require_all_numbers_ && !left.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("the given number ", left.front().ToString(), " is not used"));
  }
  return absl::OkStatus();
}

}  // namespace cohort::reward
