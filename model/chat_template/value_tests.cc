// SPDX-License-Identifier: Apache-2.0
// What stands behind `is`.
#include <string>
#include <utility>

#include "common/status_macros.h"
#include "model/chat_template/filters.h"
#include "model/chat_template/unicode.h"
#include "model/chat_template/value_arithmetic.h"
#include "model/chat_template/value_relations.h"
#include "model/chat_template/value_text.h"

namespace cohort::model::chat_template {
namespace {

using Arguments = CallArguments;
using Kind = Value::Kind;
using Result = absl::StatusOr<bool>;

// A test of the value alone.
template <bool (*kHolds)(const Value&)>
Result Plain(const Value& input, const Arguments& arguments, const CallEnvironment&) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  return kHolds(input);
}

bool IsDefined(const Value& value) { return !value.IsUndefined(); }
bool IsUndefined(const Value& value) { return value.IsUndefined(); }
bool IsNone(const Value& value) { return value.IsNone(); }
bool IsBoolean(const Value& value) { return value.Is(Kind::kBool); }
bool IsTrue(const Value& value) { return value.Is(Kind::kBool) && value.integer() != 0; }
bool IsFalse(const Value& value) { return value.Is(Kind::kBool) && value.integer() == 0; }
bool IsInteger(const Value& value) { return value.Is(Kind::kInteger); }
bool IsFloat(const Value& value) { return value.Is(Kind::kFloat); }
bool IsNumber(const Value& value) { return value.IsNumber(); }
bool IsString(const Value& value) { return value.IsString(); }
bool IsMapping(const Value& value) { return value.Is(Kind::kDict); }
bool IsEscaped(const Value& value) { return value.is_markup(); }
// An undefined value has a length, and can be called to say what it is.
bool IsCallable(const Value& value) {
  return value.Is(Kind::kCallable) || value.Is(Kind::kLoop) || value.IsUndefined();
}
bool IsSequence(const Value& value) {
  return value.IsString() || value.Is(Kind::kList) || value.Is(Kind::kTuple) || value.Is(Kind::kDict) ||
         value.Is(Kind::kRange) || value.IsUndefined();
}
bool IsIterable(const Value& value) {
  return IsSequence(value) || value.Is(Kind::kView) || value.Is(Kind::kIterator) || value.Is(Kind::kLoop);
}

absl::StatusOr<Value> One(const Arguments& arguments) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"other"}));
  COHORT_RETURN_IF_ERROR(Require(bound[0], "other"));
  return *bound[0];
}

Result Remainder(const Value& input, const Value& divisor, int64_t wanted, RenderBudget* budget) {
  COHORT_ASSIGN_OR_RETURN(const Value remainder, Calculate("%", input, divisor, budget));
  return Equal(remainder, Value::Integer(wanted), budget);
}

template <int64_t kWanted>
Result IsOfParity(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  return Remainder(input, Value::Integer(2), kWanted, environment.budget);
}

Result IsDivisibleBy(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"num"}));
  COHORT_RETURN_IF_ERROR(Require(bound[0], "num"));
  return Remainder(input, *bound[0], 0, environment.budget);
}

enum class Relation { kEqual, kUnequal, kLess, kLessOrEqual, kGreater, kGreaterOrEqual, kIn };

template <Relation kRelation>
Result Relates(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  static constexpr const char* kNames[] = {"==", "!=", "<", "<=", ">", ">=", "in"};
  COHORT_ASSIGN_OR_RETURN(const Value other, One(arguments));
  return Compare(kNames[static_cast<int>(kRelation)], input, other, environment.budget);
}

Result IsSame(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_ASSIGN_OR_RETURN(const Value other, One(arguments));
  if (input.kind() != other.kind()) return false;
  if (input.IsNumber()) return Equal(input, other, environment.budget);
  return input.identity() == other.identity();
}

template <bool kUpper>
Result IsOfCase(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  COHORT_ASSIGN_OR_RETURN(const std::string text, Str(input, environment.budget));
  return HasOneCase(text, kUpper);
}

Result IsFilter(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  return input.IsString() && environment.find_filter(input.text()) != nullptr;
}

Result IsTest(const Value& input, const Arguments& arguments, const CallEnvironment& environment) {
  COHORT_RETURN_IF_ERROR(Bind(arguments, {}).status());
  return input.IsString() && environment.find_test(input.text()) != nullptr;
}

constexpr std::pair<std::string_view, CallEnvironment::Test> kTests[] = {
    {"odd", IsOfParity<1>},
    {"even", IsOfParity<0>},
    {"divisibleby", IsDivisibleBy},
    {"defined", Plain<IsDefined>},
    {"undefined", Plain<IsUndefined>},
    {"filter", IsFilter},
    {"test", IsTest},
    {"none", Plain<IsNone>},
    {"boolean", Plain<IsBoolean>},
    {"false", Plain<IsFalse>},
    {"true", Plain<IsTrue>},
    {"integer", Plain<IsInteger>},
    {"float", Plain<IsFloat>},
    {"lower", IsOfCase<false>},
    {"upper", IsOfCase<true>},
    {"string", Plain<IsString>},
    {"mapping", Plain<IsMapping>},
    {"number", Plain<IsNumber>},
    {"sequence", Plain<IsSequence>},
    {"iterable", Plain<IsIterable>},
    {"callable", Plain<IsCallable>},
    {"sameas", IsSame},
    {"escaped", Plain<IsEscaped>},
    {"in", Relates<Relation::kIn>},
    {"==", Relates<Relation::kEqual>},
    {"eq", Relates<Relation::kEqual>},
    {"equalto", Relates<Relation::kEqual>},
    {"!=", Relates<Relation::kUnequal>},
    {"ne", Relates<Relation::kUnequal>},
    {">", Relates<Relation::kGreater>},
    {"gt", Relates<Relation::kGreater>},
    {"greaterthan", Relates<Relation::kGreater>},
    {">=", Relates<Relation::kGreaterOrEqual>},
    {"ge", Relates<Relation::kGreaterOrEqual>},
    {"<", Relates<Relation::kLess>},
    {"lt", Relates<Relation::kLess>},
    {"lessthan", Relates<Relation::kLess>},
    {"<=", Relates<Relation::kLessOrEqual>},
    {"le", Relates<Relation::kLessOrEqual>},
};

}  // namespace

CallEnvironment::Test FindTest(std::string_view name) {
  for (const auto& [known, test] : kTests) {
    if (known == name) return test;
  }
  return nullptr;
}

}  // namespace cohort::model::chat_template
