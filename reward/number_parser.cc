// SPDX-License-Identifier: Apache-2.0
#include "reward/number_parser.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "reward/math_text.h"
#include "reward/score.h"
#include "reward/unit_text.h"

namespace cohort::reward {
namespace {

constexpr size_t kMaxDigits = 300;
constexpr int kMaxDecimalExponent = 300;

size_t NumDigits(std::string_view text) {
  size_t size = 0;
  while (size < text.size() && absl::ascii_isdigit(text[size])) ++size;
  return size;
}

// Digits with separators at the front of `text`; *digits gets them without.
size_t ScanWholePart(std::string_view text, std::string* digits) {
  size_t size = NumDigits(text);
  digits->assign(text.substr(0, size));
  if (size == 0 || size > 3) return size;
  while (size < text.size() && text[size] == ',' && NumDigits(text.substr(size + 1)) == 3) {
    digits->append(text.substr(size + 1, 3));
    size += 4;
  }
  return size;
}

// "e-12" at the front of `text`: its size, 0 when there is none.
absl::StatusOr<size_t> ScanExponent(std::string_view text, int* exponent) {
  *exponent = 0;
  if (text.empty() || (text[0] != 'e' && text[0] != 'E')) return 0;
  const size_t sign = text.size() > 1 && (text[1] == '-' || text[1] == '+') ? 1 : 0;
  const size_t num_digits = NumDigits(text.substr(1 + sign));
  if (num_digits == 0) return 0;
  for (const char digit : text.substr(1 + sign, num_digits)) {
    *exponent = *exponent * 10 + (digit - '0');
    if (*exponent > kMaxDecimalExponent) return absl::ResourceExhaustedError("an exponent is larger than 300");
  }
  if (sign == 1 && text[1] == '-') *exponent = -*exponent;
  return 1 + sign + num_digits;
}

std::string_view TrimLeft(std::string_view text) {
  while (!text.empty() && absl::ascii_isspace(text.front())) text.remove_prefix(1);
  return text;
}

// Takes `prefix` and the white space after it off the front.
bool Consume(std::string_view prefix, std::string_view* text) {
  if (text->substr(0, prefix.size()) != prefix) return false;
  *text = TrimLeft(text->substr(prefix.size()));
  return true;
}

absl::StatusOr<Rational> ConsumeNumber(std::string_view* text) {
  COHORT_ASSIGN_OR_RETURN(ScannedNumber number, ScanNumber(*text));
  text->remove_prefix(number.num_bytes);
  return std::move(number.value);
}

// "{-3}", an argument of \frac.
absl::StatusOr<Rational> ConsumeArgument(std::string_view* text) {
  const absl::Status malformed = absl::InvalidArgumentError("a \\frac is not of the form \\frac{a}{b}");
  if (!Consume("{", text)) return malformed;
  const bool is_negative = Consume("-", text);
  COHORT_ASSIGN_OR_RETURN(const Rational value, ConsumeNumber(text));
  *text = TrimLeft(*text);
  if (!Consume("}", text)) return malformed;
  return is_negative ? value.Negated() : value;
}

// "{3}{4}", after \frac.
absl::StatusOr<Rational> ConsumeFractionArguments(std::string_view* text) {
  COHORT_ASSIGN_OR_RETURN(const Rational numerator, ConsumeArgument(text));
  COHORT_ASSIGN_OR_RETURN(const Rational denominator, ConsumeArgument(text));
  return Rational::Divide(numerator, denominator);
}

absl::StatusOr<Rational> ConsumeFractionOrNumber(std::string_view* text) {
  if (Consume("\\frac", text)) return ConsumeFractionArguments(text);
  COHORT_ASSIGN_OR_RETURN(Rational value, ConsumeNumber(text));
  std::string_view rest = TrimLeft(*text);
  if (!Consume("/", &rest) || NumDigits(rest) == 0) return value;
  COHORT_ASSIGN_OR_RETURN(const Rational denominator, ConsumeNumber(&rest));
  *text = rest;
  return Rational::Divide(value, denominator);
}

absl::StatusOr<Rational> ParseNormalized(std::string_view text) {
  Consume("=", &text);
  bool is_negative = Consume("-", &text);
  if (!is_negative) Consume("+", &text);
  if (Consume("$", &text) && !is_negative) is_negative = Consume("-", &text);
  COHORT_ASSIGN_OR_RETURN(Rational value, ConsumeFractionOrNumber(&text));
  if (!IsUnit(TrimLeft(text))) return absl::InvalidArgumentError("is not one number");
  return is_negative ? value.Negated() : value;
}

}  // namespace

absl::StatusOr<ScannedNumber> ScanNumber(std::string_view text) {
  std::string digits;
  size_t size = ScanWholePart(text, &digits);
  size_t num_decimals = 0;
  if (size < text.size() && text[size] == '.') {
    num_decimals = NumDigits(text.substr(size + 1));
    digits.append(text.substr(size + 1, num_decimals));
    if (size > 0 || num_decimals > 0) size += 1 + num_decimals;
  }
  if (digits.empty()) return absl::InvalidArgumentError("is not a number");
  if (digits.size() > kMaxDigits) return absl::ResourceExhaustedError("a number has more than 300 digits");
  int exponent = 0;
  COHORT_ASSIGN_OR_RETURN(const size_t exponent_size, ScanExponent(text.substr(size), &exponent));
  exponent -= static_cast<int>(num_decimals);
  BigInteger numerator = BigInteger::FromDigits(digits);
  if (exponent > 0) numerator = numerator * BigInteger::PowerOfTen(exponent);
  ScannedNumber number;
  COHORT_ASSIGN_OR_RETURN(number.value, Rational::Create(std::move(numerator), BigInteger::PowerOfTen(-exponent)));
  number.num_bytes = size + exponent_size;
  return number;
}

absl::StatusOr<Rational> ParseNumber(std::string_view text) {
  if (text.size() > kMaxAnswerBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("the answer is longer than ", kMaxAnswerBytes, " bytes"));
  }
  absl::StatusOr<Rational> value = ParseNormalized(NormalizeMathText(text));
  if (value.ok()) return value;
  if (absl::IsResourceExhausted(value.status())) {
    return absl::ResourceExhaustedError(absl::StrCat("answer ", Quoted(text), ": ", value.status().message()));
  }
  return absl::InvalidArgumentError(absl::StrCat("answer ", Quoted(text), ": ", value.status().message()));
}

}  // namespace cohort::reward
