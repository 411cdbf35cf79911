// SPDX-License-Identifier: Apache-2.0
#include "reward/expression.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "reward/math_text.h"
#include "reward/number_parser.h"
#include "reward/score.h"

namespace cohort::reward {
namespace {

// Recursive descent; every recursion passes Factor, which counts the depth.
//   sum := product (('+'|'-') product)*      product := factor (('*'|'/') factor)*
//   factor := ('-'|'+')* power               power := atom (('^'|'**') factor)?
//   atom := number | '(' sum ')' | \frac '{' sum '}' '{' sum '}'
class Evaluator final {
 public:
  Evaluator(std::string_view text, const ExpressionLimits& limits, ExpressionTrace* trace)
      : text_(text), limits_(limits), trace_(trace) {}

  absl::StatusOr<Rational> Evaluate() {
    absl::StatusOr<Rational> value = Sum();
    if (value.ok() && !AtEnd()) value = Malformed("an operator");
    trace_->num_bytes_read = static_cast<int>(at_);
    return value;
  }

 private:
  using Operation = absl::StatusOr<Rational> (*)(const Rational&, const Rational&);

  absl::StatusOr<Rational> Sum() {
    COHORT_ASSIGN_OR_RETURN(Rational value, Product());
    while (true) {
      if (Take("+")) {
        COHORT_ASSIGN_OR_RETURN(const Rational right, Product());
        COHORT_ASSIGN_OR_RETURN(value, Apply(&Rational::Add, value, right));
      } else if (Take("-")) {
        COHORT_ASSIGN_OR_RETURN(const Rational right, Product());
        COHORT_ASSIGN_OR_RETURN(value, Apply(&Rational::Subtract, value, right));
      } else {
        return value;
      }
    }
  }

  absl::StatusOr<Rational> Product() {
    COHORT_ASSIGN_OR_RETURN(Rational value, Factor());
    while (true) {
      if (Take("*")) {
        COHORT_ASSIGN_OR_RETURN(const Rational right, Factor());
        COHORT_ASSIGN_OR_RETURN(value, Apply(&Rational::Multiply, value, right));
      } else if (Take("/")) {
        COHORT_ASSIGN_OR_RETURN(const Rational right, Factor());
        COHORT_ASSIGN_OR_RETURN(value, Apply(&Rational::Divide, value, right));
      } else {
        return value;
      }
    }
  }

  absl::StatusOr<Rational> Factor() {
    if (++depth_ > limits_.max_depth) {
      return absl::ResourceExhaustedError(absl::StrCat("nested deeper than ", limits_.max_depth));
    }
    trace_->max_depth = std::max(trace_->max_depth, depth_);
    bool is_negative = false;
    while (true) {
      if (Take("-")) {
        is_negative = !is_negative;
      } else if (!Take("+")) {
        break;
      }
    }
    COHORT_ASSIGN_OR_RETURN(const Rational value, Power());
    --depth_;
    return is_negative ? value.Negated() : value;
  }

  absl::StatusOr<Rational> Power() {
    COHORT_ASSIGN_OR_RETURN(Rational base, Atom());
    if (!limits_.allow_power || !(Take("^") || Take("**"))) return base;
    COHORT_ASSIGN_OR_RETURN(const Rational exponent, Factor());
    return Apply(&Rational::Power, base, exponent);
  }

  absl::StatusOr<Rational> Atom() {
    if (Take("\\frac")) {
      COHORT_ASSIGN_OR_RETURN(const Rational numerator, Bracketed("{", "}"));
      COHORT_ASSIGN_OR_RETURN(const Rational denominator, Bracketed("{", "}"));
      return Apply(&Rational::Divide, numerator, denominator);
    }
    SkipSpace();
    const char first = at_ < text_.size() ? text_[at_] : '\0';
    if (first == '(') return Bracketed("(", ")");
    if (first == '[') return Bracketed("[", "]");
    if (first == '{') return Bracketed("{", "}");
    if (!absl::ascii_isdigit(first) && first != '.') return Malformed("a number");
    COHORT_ASSIGN_OR_RETURN(ScannedNumber number, ScanNumber(text_.substr(at_)));
    at_ += number.num_bytes;
    trace_->literals.push_back(number.value);
    return std::move(number.value);
  }

  absl::StatusOr<Rational> Bracketed(std::string_view open, std::string_view close) {
    if (!Take(open)) return Malformed(open);
    COHORT_ASSIGN_OR_RETURN(Rational value, Sum());
    if (!Take(close)) return Malformed(close);
    return value;
  }

  absl::StatusOr<Rational> Apply(Operation operation, const Rational& left, const Rational& right) {
    if (++trace_->num_operations > limits_.max_operations) {
      return absl::ResourceExhaustedError(absl::StrCat("more than ", limits_.max_operations, " operations"));
    }
    return operation(left, right);
  }

  void SkipSpace() {
    while (at_ < text_.size() && absl::ascii_isspace(text_[at_])) ++at_;
  }

  bool AtEnd() {
    SkipSpace();
    return at_ == text_.size();
  }

  bool Take(std::string_view token) {
    SkipSpace();
    if (text_.substr(at_, token.size()) != token) return false;
    if (token == "*" && text_.substr(at_, 2) == "**") return false;
    at_ += token.size();
    return true;
  }

  absl::Status Malformed(std::string_view wanted) {
    if (AtEnd()) return absl::InvalidArgumentError(absl::StrCat("ends where ", std::string(wanted), " should be"));
    return absl::InvalidArgumentError(
        absl::StrCat("has ", Quoted(text_.substr(at_, 1)), " where ", std::string(wanted), " should be"));
  }

  const std::string_view text_;
  const ExpressionLimits& limits_;
  ExpressionTrace* const trace_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

absl::StatusOr<Rational> EvaluateExpression(std::string_view text, const ExpressionLimits& limits,
                                            ExpressionTrace* trace) {
  ExpressionTrace own_trace;
  if (trace == nullptr) trace = &own_trace;
  *trace = ExpressionTrace();
  if (text.size() > static_cast<size_t>(limits.max_bytes)) {
    return absl::ResourceExhaustedError(absl::StrCat("expression: longer than ", limits.max_bytes, " bytes"));
  }
  const std::string normalized = NormalizeMathText(text);
  absl::StatusOr<Rational> value = Evaluator(normalized, limits, trace).Evaluate();
  if (value.ok()) return value;
  return absl::Status(value.status().code(), absl::StrCat("expression ", Quoted(text), ": ", value.status().message()));
}

}  // namespace cohort::reward
