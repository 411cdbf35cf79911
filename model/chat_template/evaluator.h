// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_EVALUATOR_H_
#define COHORT_MODEL_CHAT_TEMPLATE_EVALUATOR_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/chat_template/call.h"
#include "model/chat_template/scope.h"
#include "model/chat_template/syntax_tree.h"

namespace cohort::model::chat_template {

// The same status with "line:column: " in front of its message, unless it has a place already. OK stays OK.
absl::Status Locate(const absl::Status& status, Position at);

// Expressions to values, under the budget of the environment. Errors have their place: "line:column: why". Not
// thread-safe.
class Evaluator final {
 public:
  explicit Evaluator(const CallEnvironment& environment) : environment_(environment) {}

  absl::StatusOr<Value> Evaluate(const Expression& node, const Scope& scope);
  // A chain of filters (TemplateParser's ParseFilterChain) applied to `input`.
  absl::StatusOr<Value> ApplyFilters(const Expression& chain, const Value& input, const Scope& scope);

  const CallEnvironment& environment() const { return environment_; }
  RenderBudget* budget() const { return environment_.budget; }

 private:
  absl::StatusOr<Value> Dispatch(const Expression& node, const Scope& scope);
  absl::StatusOr<Value> EvaluateName(const Expression& node, const Scope& scope) const;
  absl::StatusOr<std::vector<Value>> EvaluateAll(const std::vector<ExpressionPtr>& nodes, const Scope& scope);
  absl::StatusOr<Value> EvaluateDict(const Expression& node, const Scope& scope);
  absl::StatusOr<Value> EvaluateItem(const Expression& node, const Scope& scope);
  absl::StatusOr<Value> EvaluateSlice(const Expression& node, const Scope& scope);
  absl::StatusOr<Value> EvaluateCall(const Expression& node, const Scope& scope);
  absl::StatusOr<CallArguments> EvaluateArguments(const CallSyntax& call, const Scope& scope);
  absl::StatusOr<Value> ApplyFilter(const Expression& node, const Value& input, const Scope& scope);
  absl::StatusOr<Value> EvaluateTest(const Expression& node, const Scope& scope);
  absl::StatusOr<Value> EvaluateUnary(const Expression& node, const Scope& scope);
  absl::StatusOr<Value> EvaluateBinary(const Expression& node, const Scope& scope);
  absl::StatusOr<Value> EvaluateConcat(const Expression& node, const Scope& scope);
  absl::StatusOr<Value> EvaluateCompare(const Expression& node, const Scope& scope);
  absl::StatusOr<Value> EvaluateLogic(const Expression& node, const Scope& scope);
  absl::StatusOr<Value> EvaluateConditional(const Expression& node, const Scope& scope);

  const CallEnvironment environment_;
};

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_EVALUATOR_H_
