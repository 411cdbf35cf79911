// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/value_arithmetic.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "model/chat_template/printf_format.h"
#include "model/chat_template/value_relations.h"
#include "model/chat_template/value_text.h"

namespace cohort::model::chat_template {
namespace {

absl::Status Unsupported(std::string_view name, const Value& a, const Value& b) {
  for (const Value* value : {&a, &b}) {
    if (value->IsUndefined()) return UndefinedError(*value);
  }
  return absl::InvalidArgumentError(absl::StrCat("'", TypeName(a), "' and '", TypeName(b), "' have no operator ",
                                                 absl::string_view(name.data(), name.size())));
}

absl::Status TooLarge() { return absl::InvalidArgumentError("an integer of more than 64 bits"); }
absl::Status DivisionByZero() { return absl::InvalidArgumentError("division by zero"); }

absl::StatusOr<Value> Power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) return DivisionByZero();
    return Value::Float(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  if (base == 0 || base == 1) return Value::Integer(exponent == 0 ? 1 : base);
  if (base == -1) return Value::Integer(exponent % 2 == 0 ? 1 : -1);
  for (; exponent > 0; --exponent) {
    if (__builtin_mul_overflow(result, base, &result)) return TooLarge();
  }
  return Value::Integer(result);
}

int64_t FloorDivide(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0); }

absl::StatusOr<Value> IntegerResult(std::string_view name, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflows = false;
  if (name == "**") return Power(a, b);
  if (name == "+") {
    overflows = __builtin_add_overflow(a, b, &result);
  } else if (name == "-") {
    overflows = __builtin_sub_overflow(a, b, &result);
  } else if (name == "*") {
    overflows = __builtin_mul_overflow(a, b, &result);
  } else if (b == 0) {
    return DivisionByZero();
  } else if (name == "/") {
    return Value::Float(static_cast<double>(static_cast<long double>(a) / static_cast<long double>(b)));
  } else if (a == INT64_MIN && b == -1) {
    if (name == "//") return TooLarge();
  } else {
    const int64_t quotient = FloorDivide(a, b);
    result = name == "//" ? quotient : a - quotient * b;
  }
  if (overflows) return TooLarge();
  return Value::Integer(result);
}

double FloatModulo(double a, double b) {
  double remainder = std::fmod(a, b);
  if (remainder == 0) return std::copysign(0.0, b);
  if ((b < 0) != (remainder < 0)) remainder += b;
  return remainder;
}

// As CPython's float_floor_div: the quotient of what the remainder leaves, rounded to a whole number.
double FloatFloorDivide(double a, double b) {
  const double quotient = (a - FloatModulo(a, b)) / b;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double floored = std::floor(quotient);
  return quotient - floored > 0.5 ? floored + 1 : floored;
}

absl::StatusOr<Value> FloatResult(std::string_view name, double a, double b) {
  if (name == "+") return Value::Float(a + b);
  if (name == "-") return Value::Float(a - b);
  if (name == "*") return Value::Float(a * b);
  if (name == "**") {
    if (a == 0 && b < 0) return DivisionByZero();
    const double result = std::pow(a, b);
    if (std::isnan(result) && !std::isnan(a) && !std::isnan(b)) {
      return absl::UnimplementedError("complex numbers are not supported");
    }
    if (std::isinf(result) && !std::isinf(a) && !std::isinf(b)) return absl::InvalidArgumentError("result too large");
    return Value::Float(result);
  }
  if (b == 0) return DivisionByZero();
  if (name == "/") return Value::Float(a / b);
  return Value::Float(name == "//" ? FloatFloorDivide(a, b) : FloatModulo(a, b));
}

absl::StatusOr<Value> JoinText(const Value& a, const Value& b, RenderBudget* budget) {
  const bool is_markup = a.is_markup() || b.is_markup();
  COHORT_RETURN_IF_ERROR(budget->Reserve(static_cast<int64_t>(a.text().size() + b.text().size())));
  const std::string left = is_markup && !a.is_markup() ? HtmlEscaped(a.text()) : a.text();
  const std::string right = is_markup && !b.is_markup() ? HtmlEscaped(b.text()) : b.text();
  return budget->String(absl::StrCat(left, right), is_markup);
}

absl::StatusOr<Value> JoinItems(const Value& a, const Value& b, RenderBudget* budget) {
  COHORT_RETURN_IF_ERROR(budget->Reserve(static_cast<int64_t>((a.items().size() + b.items().size()) * sizeof(Value))));
  std::vector<Value> items = a.items();
  items.insert(items.end(), b.items().begin(), b.items().end());
  return budget->Sequence(a.kind(), std::move(items));
}

bool IsList(const Value& value) { return value.Is(Value::Kind::kList) || value.Is(Value::Kind::kTuple); }

absl::StatusOr<Value> Repeat(const Value& value, int64_t times, RenderBudget* budget) {
  const int64_t count = std::max<int64_t>(times, 0);
  const auto size = static_cast<int64_t>(value.IsString() ? value.text().size() : value.items().size() * sizeof(Value));
  int64_t total = 0;
  if (__builtin_mul_overflow(size, count, &total)) total = INT64_MAX;
  COHORT_RETURN_IF_ERROR(budget->Reserve(total));
  COHORT_RETURN_IF_ERROR(budget->Scan(total));
  if (size == 0 || count == 0) {
    if (value.IsString()) return budget->String("", value.is_markup());
    return budget->Sequence(value.kind(), {});
  }
  if (value.IsString()) {
    std::string text;
    text.reserve(static_cast<size_t>(total));
    for (int64_t i = 0; i < count; ++i) text += value.text();
    return budget->String(std::move(text), value.is_markup());
  }
  std::vector<Value> items;
  for (int64_t i = 0; i < count; ++i) items.insert(items.end(), value.items().begin(), value.items().end());
  return budget->Sequence(value.kind(), std::move(items));
}

}  // namespace

absl::StatusOr<Value> Calculate(std::string_view name, const Value& a, const Value& b, RenderBudget* budget) {
  if (name == "%" && a.IsString()) {
    std::vector<Value> arguments = {b};
    if (b.Is(Value::Kind::kTuple)) arguments = b.items();
    return PrintfFormat(a, arguments, b, budget);
  }
  if (a.IsInteger() && b.IsInteger()) return IntegerResult(name, a.integer(), b.integer());
  if (a.IsNumber() && b.IsNumber()) return FloatResult(name, a.number(), b.number());
  if (name == "+" && a.IsString() && b.IsString()) return JoinText(a, b, budget);
  if (name == "+" && IsList(a) && a.kind() == b.kind()) return JoinItems(a, b, budget);
  if (name == "*" && (a.IsString() || IsList(a)) && b.IsInteger()) return Repeat(a, b.integer(), budget);
  if (name == "*" && (b.IsString() || IsList(b)) && a.IsInteger()) return Repeat(b, a.integer(), budget);
  return Unsupported(name, a, b);
}

absl::StatusOr<Value> Signed(std::string_view name, const Value& value) {
  if (value.IsUndefined()) return UndefinedError(value);
  if (!value.IsNumber()) {
    return absl::InvalidArgumentError(absl::StrCat("a ", TypeName(value), " has no sign"));
  }
  if (value.Is(Value::Kind::kFloat)) return Value::Float(name == "-" ? -value.number() : value.number());
  if (name == "+") return Value::Integer(value.integer());
  if (value.integer() == INT64_MIN) return TooLarge();
  return Value::Integer(-value.integer());
}

}  // namespace cohort::model::chat_template
