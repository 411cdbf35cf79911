// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "common/status_macros.h"
#include "model/chat_template/filters.h"
#include "model/chat_template/number_text.h"
#include "model/chat_template/value_arithmetic.h"
#include "model/chat_template/value_relations.h"

namespace cohort::model::chat_template {
namespace {

using Arguments = CallArguments;
using Result = absl::StatusOr<Value>;

constexpr double kLargestInteger = 9.2e18;
constexpr int64_t kMostDigits = 300;

absl::Status TooLarge() { return absl::InvalidArgumentError("an integer of more than 64 bits"); }

// int(number); the outer status for a number that is too large, nothing for NaN.
absl::StatusOr<std::optional<int64_t>> Truncated(double number) {
  if (std::isnan(number)) return std::optional<int64_t>();
  if (std::fabs(number) > kLargestInteger) return TooLarge();
  return std::optional<int64_t>(static_cast<int64_t>(number));
}

Result IntFilter(const Value& input, const Arguments& arguments, const CallEnvironment&) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"default", "base"}));
  COHORT_ASSIGN_OR_RETURN(const int64_t base, IntegerOr(bound[1], 10, "base"));
  if (base != 0 && (base < 2 || base > 36)) return absl::InvalidArgumentError("base must be 0 or from 2 to 36");
  if (input.IsUndefined()) return UndefinedError(input);
  const Value fallback = bound[0] == nullptr ? Value::Integer(0) : *bound[0];
  if (input.IsInteger()) return Value::Integer(input.integer());
  std::optional<double> number;
  if (input.IsNumber()) number = input.number();
  if (input.IsString()) {
    const auto integer = IntegerFromText(input.text(), base);
    if (integer.has_value()) return Value::Integer(*integer);
    number = FloatFromText(input.text());
    if (number.has_value() && std::isinf(*number)) return fallback;
  }
  if (!number.has_value()) return fallback;
  COHORT_ASSIGN_OR_RETURN(const auto truncated, Truncated(*number));
  return truncated.has_value() ? Value::Integer(*truncated) : fallback;
}

Result FloatFilter(const Value& input, const Arguments& arguments, const CallEnvironment&) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"default"}));
  if (input.IsUndefined()) return UndefinedError(input);
  if (input.IsNumber()) return Value::Float(input.number());
  const auto number = input.IsString() ? FloatFromText(input.text()) : std::nullopt;
  if (number.has_value()) return Value::Float(*number);
  return bound[0] == nullptr ? Value::Float(0) : *bound[0];
}

Result AbsFilter(const Value& input, const Arguments& arguments, const CallEnvironment&) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  if (input.IsUndefined()) return UndefinedError(input);
  if (!input.IsNumber()) return absl::InvalidArgumentError("needs a number");
  return Signed(input.number() < 0 || (input.number() == 0 && std::signbit(input.number())) ? "-" : "+", input);
}

Result RoundTo(const Value& input, int64_t digits) {
  if (digits < 0) return absl::UnimplementedError("rounding to a negative precision is not supported");
  if (input.IsInteger()) return Value::Integer(input.integer());
  const double number = input.number();
  if (!std::isfinite(number) || digits > kMostDigits) return Value::Float(number);
  char buffer[700];
  // Both round the exact value of the double, ties to even.
  snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(digits), number);
  return Value::Float(std::strtod(buffer, nullptr));
}

Result RoundFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"precision", "method"}));
  COHORT_ASSIGN_OR_RETURN(const int64_t digits, IntegerOr(bound[0], 0, "precision"));
  COHORT_ASSIGN_OR_RETURN(const std::string method, TextOr(bound[1], "common", "method"));
  if (input.IsUndefined()) return UndefinedError(input);
  if (!input.IsNumber()) return absl::InvalidArgumentError("needs a number");
  if (method == "common") return RoundTo(input, digits);
  if (method != "ceil" && method != "floor") return absl::InvalidArgumentError("method must be common, ceil or floor");
  COHORT_ASSIGN_OR_RETURN(const Value scale,
                          Calculate("**", Value::Integer(10), Value::Integer(digits), environment.budget));
  COHORT_ASSIGN_OR_RETURN(const Value scaled, Calculate("*", input, scale, environment.budget));
  const double whole = method == "ceil" ? std::ceil(scaled.number()) : std::floor(scaled.number());
  COHORT_ASSIGN_OR_RETURN(const auto truncated, Truncated(whole));
  if (!truncated.has_value()) return absl::InvalidArgumentError("cannot round NaN");
  return Calculate("/", Value::Integer(*truncated), scale, environment.budget);
}

}  // namespace

CallEnvironment::Filter FindNumberFilter(std::string_view name) {
  if (name == "int") return IntFilter;
  if (name == "float") return FloatFilter;
  if (name == "abs") return AbsFilter;
  return name == "round" ? RoundFilter : nullptr;
}

}  // namespace cohort::model::chat_template
