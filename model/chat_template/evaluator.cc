// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/evaluator.h"

#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/chat_template/subscripts.h"
#include "model/chat_template/value_arithmetic.h"
#include "model/chat_template/value_relations.h"
#include "model/chat_template/value_text.h"

namespace cohort::model::chat_template {
namespace {

constexpr char kPlaceUrl[] = "cohort/template-place";
constexpr size_t kShownBytes = 80;

}  // namespace

absl::Status Locate(const absl::Status& status, Position at) {
  if (status.ok() || status.GetPayload(kPlaceUrl).has_value()) return status;
  absl::Status located(status.code(), absl::StrCat(at.line, ":", at.column, ": ", status.message()));
  located.SetPayload(kPlaceUrl, absl::Cord("known"));
  return located;
}

absl::StatusOr<Value> Evaluator::Evaluate(const Expression& node, const Scope& scope) {
  absl::Status entered = budget()->Enter();
  entered.Update(budget()->Step());
  absl::StatusOr<Value> value = entered.ok() ? Dispatch(node, scope) : absl::StatusOr<Value>(entered);
  budget()->Leave();
  if (!value.ok()) return Locate(value.status(), node.at);
  return value;
}

absl::StatusOr<Value> Evaluator::Dispatch(const Expression& node, const Scope& scope) {
  switch (node.kind) {
    case Expression::Kind::kConstant:
      return node.constant;
    case Expression::Kind::kName:
      return EvaluateName(node, scope);
    case Expression::Kind::kList:
    case Expression::Kind::kTuple: {
      COHORT_ASSIGN_OR_RETURN(std::vector<Value> items, EvaluateAll(node.operands, scope));
      return budget()->Sequence(node.kind == Expression::Kind::kList ? Value::Kind::kList : Value::Kind::kTuple,
                                std::move(items));
    }
    case Expression::Kind::kDict:
      return EvaluateDict(node, scope);
    case Expression::Kind::kAttribute: {
      COHORT_ASSIGN_OR_RETURN(const Value value, Evaluate(*node.operands[0], scope));
      return AttributeOf(value, node.name, budget());
    }
    case Expression::Kind::kItem:
      return EvaluateItem(node, scope);
    case Expression::Kind::kSlice:
      return EvaluateSlice(node, scope);
    case Expression::Kind::kCall:
      return EvaluateCall(node, scope);
    case Expression::Kind::kFilter: {
      COHORT_ASSIGN_OR_RETURN(const Value input, Evaluate(*node.operands[0], scope));
      return ApplyFilter(node, input, scope);
    }
    case Expression::Kind::kTest:
      return EvaluateTest(node, scope);
    case Expression::Kind::kUnary:
      return EvaluateUnary(node, scope);
    case Expression::Kind::kBinary:
      return EvaluateBinary(node, scope);
    case Expression::Kind::kConcat:
      return EvaluateConcat(node, scope);
    case Expression::Kind::kCompare:
      return EvaluateCompare(node, scope);
    case Expression::Kind::kAnd:
    case Expression::Kind::kOr:
      return EvaluateLogic(node, scope);
    case Expression::Kind::kConditional:
      return EvaluateConditional(node, scope);
    case Expression::Kind::kNamespaceAttribute:
      break;
  }
  return absl::InternalError("a target is no expression");
}

absl::StatusOr<Value> Evaluator::EvaluateName(const Expression& node, const Scope& scope) const {
  const Value* const found = scope.Find(node.name);
  return found != nullptr ? *found : Value::Undefined(absl::StrCat("'", node.name, "' is undefined"));
}

absl::StatusOr<std::vector<Value>> Evaluator::EvaluateAll(const std::vector<ExpressionPtr>& nodes, const Scope& scope) {
  std::vector<Value> values;
  for (const ExpressionPtr& node : nodes) {
    COHORT_ASSIGN_OR_RETURN(Value value, Evaluate(*node, scope));
    values.push_back(std::move(value));
  }
  return values;
}

absl::StatusOr<Value> Evaluator::EvaluateDict(const Expression& node, const Scope& scope) {
  COHORT_ASSIGN_OR_RETURN(const std::vector<Value> values, EvaluateAll(node.operands, scope));
  std::vector<std::pair<Value, Value>> entries;
  for (size_t i = 0; i < values.size(); i += 2) entries.emplace_back(values[i], values[i + 1]);
  return budget()->Dictionary(entries);
}

absl::StatusOr<Value> Evaluator::EvaluateItem(const Expression& node, const Scope& scope) {
  COHORT_ASSIGN_OR_RETURN(const Value value, Evaluate(*node.operands[0], scope));
  COHORT_ASSIGN_OR_RETURN(const Value key, Evaluate(*node.operands[1], scope));
  return ItemOf(value, key, budget());
}

absl::StatusOr<Value> Evaluator::EvaluateSlice(const Expression& node, const Scope& scope) {
  COHORT_ASSIGN_OR_RETURN(const Value value, Evaluate(*node.operands[0], scope));
  std::vector<Value> bounds(3);
  for (size_t i = 0; i < 3; ++i) {
    if (node.operands[i + 1] == nullptr) continue;
    COHORT_ASSIGN_OR_RETURN(bounds[i], Evaluate(*node.operands[i + 1], scope));
  }
  return SliceOf(value, bounds, budget());
}

absl::StatusOr<CallArguments> Evaluator::EvaluateArguments(const CallSyntax& call, const Scope& scope) {
  CallArguments arguments;
  COHORT_ASSIGN_OR_RETURN(arguments.positional, EvaluateAll(call.positional, scope));
  for (const auto& [name, node] : call.named) {
    COHORT_ASSIGN_OR_RETURN(Value value, Evaluate(*node, scope));
    arguments.named.emplace_back(name, std::move(value));
  }
  if (call.star != nullptr) {
    COHORT_ASSIGN_OR_RETURN(const Value star, Evaluate(*call.star, scope));
    COHORT_ASSIGN_OR_RETURN(const std::vector<Value> items, ItemsOf(star, budget()));
    arguments.positional.insert(arguments.positional.end(), items.begin(), items.end());
  }
  if (call.star_star == nullptr) return arguments;
  COHORT_ASSIGN_OR_RETURN(const Value mapping, Evaluate(*call.star_star, scope));
  if (!mapping.Is(Value::Kind::kDict)) return absl::InvalidArgumentError("what follows ** must be a mapping");
  for (const auto& [key, value] : mapping.object<Dict>().entries) {
    COHORT_RETURN_IF_ERROR(budget()->Step(1 + static_cast<int64_t>(call.named.size()) / 8));
    if (!key.IsString()) return absl::InvalidArgumentError("the keys of what follows ** must be strings");
    COHORT_RETURN_IF_ERROR(budget()->Scan(static_cast<int64_t>(key.text().size())));
    for (const auto& given : call.named) {
      if (given.first == key.text()) return absl::InvalidArgumentError("an argument is given twice");
    }
    arguments.named.emplace_back(key.text(), value);
  }
  return arguments;
}

absl::StatusOr<Value> Evaluator::EvaluateCall(const Expression& node, const Scope& scope) {
  COHORT_ASSIGN_OR_RETURN(const Value callee, Evaluate(*node.operands[0], scope));
  COHORT_ASSIGN_OR_RETURN(const CallArguments arguments, EvaluateArguments(node.call, scope));
  if (callee.IsUndefined()) return UndefinedError(callee);
  if (callee.Is(Value::Kind::kLoop)) return absl::UnimplementedError("recursive loops are not supported");
  if (!callee.Is(Value::Kind::kCallable)) {
    return absl::InvalidArgumentError(absl::StrCat("'", TypeName(callee), "' is not callable"));
  }
  return callee.object<Callable>().Call(arguments, environment_);
}

absl::StatusOr<Value> Evaluator::ApplyFilter(const Expression& node, const Value& input, const Scope& scope) {
  const CallEnvironment::Filter filter = environment_.find_filter(node.name);
  if (filter == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("no filter named '", common::Printable(node.name, kShownBytes), "'"));
  }
  COHORT_ASSIGN_OR_RETURN(const CallArguments arguments, EvaluateArguments(node.call, scope));
  COHORT_RETURN_IF_ERROR(ScanTexts(input, arguments, budget()));
  absl::StatusOr<Value> value = filter(input, arguments, environment_);
  if (value.ok() || value.status().code() == absl::StatusCode::kResourceExhausted) return value;
  return Locate(
      absl::Status(value.status().code(), absl::StrCat("filter '", node.name, "': ", value.status().message())),
      node.at);
}

absl::StatusOr<Value> Evaluator::ApplyFilters(const Expression& chain, const Value& input, const Scope& scope) {
  if (chain.operands[0] == nullptr) return ApplyFilter(chain, input, scope);
  COHORT_ASSIGN_OR_RETURN(const Value filtered, ApplyFilters(*chain.operands[0], input, scope));
  return ApplyFilter(chain, filtered, scope);
}

absl::StatusOr<Value> Evaluator::EvaluateTest(const Expression& node, const Scope& scope) {
  const CallEnvironment::Test test = environment_.find_test(node.name);
  if (test == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("no test named '", common::Printable(node.name, kShownBytes), "'"));
  }
  COHORT_ASSIGN_OR_RETURN(const Value input, Evaluate(*node.operands[0], scope));
  COHORT_ASSIGN_OR_RETURN(const CallArguments arguments, EvaluateArguments(node.call, scope));
  COHORT_ASSIGN_OR_RETURN(const bool holds, test(input, arguments, environment_));
  return Value::Bool(holds);
}

absl::StatusOr<Value> Evaluator::EvaluateUnary(const Expression& node, const Scope& scope) {
  COHORT_ASSIGN_OR_RETURN(const Value operand, Evaluate(*node.operands[0], scope));
  return node.name == "not" ? Value::Bool(!Truth(operand)) : Signed(node.name, operand);
}

absl::StatusOr<Value> Evaluator::EvaluateBinary(const Expression& node, const Scope& scope) {
  COHORT_ASSIGN_OR_RETURN(const Value left, Evaluate(*node.operands[0], scope));
  COHORT_ASSIGN_OR_RETURN(const Value right, Evaluate(*node.operands[1], scope));
  return Calculate(node.name, left, right, budget());
}

absl::StatusOr<Value> Evaluator::EvaluateConcat(const Expression& node, const Scope& scope) {
  std::string joined;
  for (const ExpressionPtr& operand : node.operands) {
    COHORT_ASSIGN_OR_RETURN(const Value value, Evaluate(*operand, scope));
    COHORT_ASSIGN_OR_RETURN(const std::string text, Str(value, budget()));
    joined += text;
  }
  return budget()->String(std::move(joined));
}

absl::StatusOr<Value> Evaluator::EvaluateCompare(const Expression& node, const Scope& scope) {
  COHORT_ASSIGN_OR_RETURN(Value left, Evaluate(*node.operands[0], scope));
  for (size_t i = 0; i < node.names.size(); ++i) {
    COHORT_ASSIGN_OR_RETURN(Value right, Evaluate(*node.operands[i + 1], scope));
    COHORT_ASSIGN_OR_RETURN(const bool holds, Compare(node.names[i], left, right, budget()));
    if (!holds) return Value::Bool(false);
    left = std::move(right);
  }
  return Value::Bool(true);
}

absl::StatusOr<Value> Evaluator::EvaluateLogic(const Expression& node, const Scope& scope) {
  COHORT_ASSIGN_OR_RETURN(Value left, Evaluate(*node.operands[0], scope));
  const bool is_decided = Truth(left) == (node.kind == Expression::Kind::kOr);
  return is_decided ? absl::StatusOr<Value>(std::move(left)) : Evaluate(*node.operands[1], scope);
}

absl::StatusOr<Value> Evaluator::EvaluateConditional(const Expression& node, const Scope& scope) {
  COHORT_ASSIGN_OR_RETURN(const Value test, Evaluate(*node.operands[0], scope));
  if (Truth(test)) return Evaluate(*node.operands[1], scope);
  if (node.operands[2] != nullptr) return Evaluate(*node.operands[2], scope);
  return Value::Undefined("the inline if-expression was false and has no else");
}

}  // namespace cohort::model::chat_template
