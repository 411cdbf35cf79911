// SPDX-License-Identifier: Apache-2.0
// Macros are in macro_call.cc.
#include "model/chat_template/renderer.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "model/chat_template/value_relations.h"
#include "model/chat_template/value_text.h"

namespace cohort::model::chat_template {

absl::Status Renderer::Render(const Body& body, const std::shared_ptr<Scope>& scope, std::string* text) {
  return RunBody(body, scope, text).status();
}

absl::StatusOr<Renderer::Flow> Renderer::RunBody(const Body& body, const std::shared_ptr<Scope>& scope,
                                                 std::string* text) {
  for (const auto& statement : body) {
    COHORT_ASSIGN_OR_RETURN(const Flow flow, Run(*statement, scope, text));
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

absl::StatusOr<Renderer::Flow> Renderer::Run(const Statement& statement, const std::shared_ptr<Scope>& scope,
                                             std::string* text) {
  absl::Status entered = budget()->Enter();
  entered.Update(budget()->Step());
  absl::StatusOr<Flow> flow = entered.ok() ? Dispatch(statement, scope, text) : absl::StatusOr<Flow>(entered);
  budget()->Leave();
  if (!flow.ok()) return Locate(flow.status(), statement.at);
  return flow;
}

absl::StatusOr<Renderer::Flow> Renderer::Dispatch(const Statement& statement, const std::shared_ptr<Scope>& scope,
                                                  std::string* text) {
  switch (statement.kind) {
    case Statement::Kind::kText:
      COHORT_RETURN_IF_ERROR(Append(statement.text, text));
      return Flow::kNext;
    case Statement::Kind::kPrint:
      COHORT_RETURN_IF_ERROR(Print(statement, *scope, text));
      return Flow::kNext;
    case Statement::Kind::kIf:
      return RunIf(statement, scope, text);
    case Statement::Kind::kFor:
      return RunFor(statement, scope, text);
    case Statement::Kind::kSet:
      COHORT_RETURN_IF_ERROR(RunSet(statement, scope.get()));
      return Flow::kNext;
    case Statement::Kind::kSetBlock:
      return RunSetBlock(statement, scope);
    case Statement::Kind::kMacro:
      DefineMacro(statement, scope);
      return Flow::kNext;
    case Statement::Kind::kScope:
      return RunBody(statement.body, std::make_shared<Scope>(scope), text);
    case Statement::Kind::kWith:
      return RunWith(statement, scope, text);
    case Statement::Kind::kFilterBlock:
      return RunFilterBlock(statement, scope, text);
    case Statement::Kind::kBreak:
      return Flow::kBreak;
    case Statement::Kind::kContinue:
      return Flow::kContinue;
  }
  return absl::InternalError("no such statement");
}

absl::Status Renderer::Append(std::string_view piece, std::string* text) {
  COHORT_RETURN_IF_ERROR(budget()->Scan(static_cast<int64_t>(piece.size())));
  const int64_t most = budget()->limits().max_output_bytes;
  if (static_cast<int64_t>(text->size() + piece.size()) > most) {
    return absl::ResourceExhaustedError(absl::StrCat("renders to more than ", most, " bytes"));
  }
  COHORT_RETURN_IF_ERROR(budget()->Reserve(static_cast<int64_t>(piece.size())));
  *text += piece;
  return absl::OkStatus();
}

absl::Status Renderer::Print(const Statement& statement, const Scope& scope, std::string* text) {
  COHORT_ASSIGN_OR_RETURN(const Value value, evaluator_.Evaluate(*statement.value, scope));
  COHORT_ASSIGN_OR_RETURN(const std::string piece, Str(value, budget()));
  return Append(piece, text);
}

absl::StatusOr<Renderer::Flow> Renderer::RunIf(const Statement& statement, const std::shared_ptr<Scope>& scope,
                                               std::string* text) {
  for (const Statement::Branch& branch : statement.branches) {
    if (branch.test == nullptr) return RunBody(branch.body, scope, text);
    COHORT_ASSIGN_OR_RETURN(const Value test, evaluator_.Evaluate(*branch.test, *scope));
    if (Truth(test)) return RunBody(branch.body, scope, text);
  }
  return Flow::kNext;
}

absl::StatusOr<bool> Renderer::PassesTest(const Statement& statement, const Value& item,
                                          const std::shared_ptr<Scope>& scope) {
  if (statement.test == nullptr) return true;
  Scope own(scope);
  COHORT_RETURN_IF_ERROR(Assign(*statement.target, item, &own));
  COHORT_ASSIGN_OR_RETURN(const Value test, evaluator_.Evaluate(*statement.test, own));
  return Truth(test);
}

// With a loop variable, which knows how many there are, the items that pass; else all: the body can change what passes.
absl::StatusOr<std::vector<Value>> Renderer::LoopItems(const Statement& statement,
                                                       const std::shared_ptr<Scope>& scope) {
  COHORT_ASSIGN_OR_RETURN(const Value value, evaluator_.Evaluate(*statement.value, *scope));
  COHORT_ASSIGN_OR_RETURN(std::vector<Value> items, ItemsOf(value, budget()));
  if (!statement.names_loop || statement.test == nullptr) return items;
  std::vector<Value> passing;
  for (Value& item : items) {
    COHORT_ASSIGN_OR_RETURN(const bool passes, PassesTest(statement, item, scope));
    if (passes) passing.push_back(std::move(item));
  }
  return passing;
}

absl::StatusOr<Renderer::Flow> Renderer::RunFor(const Statement& statement, const std::shared_ptr<Scope>& scope,
                                                std::string* text) {
  COHORT_ASSIGN_OR_RETURN(std::vector<Value> items, LoopItems(statement, scope));
  auto loop = std::make_shared<Loop>();
  if (statement.names_loop) {
    loop->items = items;
    budget()->Keep(loop);
  }
  bool has_completed_one = false;
  for (size_t i = 0; i < items.size(); ++i) {
    COHORT_RETURN_IF_ERROR(budget()->Step());
    if (!statement.names_loop) {
      COHORT_ASSIGN_OR_RETURN(const bool passes, PassesTest(statement, items[i], scope));
      if (!passes) continue;
    }
    const auto own = std::make_shared<Scope>(scope);
    COHORT_RETURN_IF_ERROR(budget()->Reserve(sizeof(Scope)));
    COHORT_RETURN_IF_ERROR(Assign(*statement.target, items[i], own.get()));
    loop->index0 = static_cast<int64_t>(i);
    if (statement.names_loop) own->Set("loop", Value(Value::Kind::kLoop, loop));
    COHORT_ASSIGN_OR_RETURN(const Flow flow, RunBody(statement.body, own, text));
    if (flow == Flow::kBreak) break;
    // jinja2 notes that the loop was not empty at the end of its body, which `continue` and `break` skip.
    has_completed_one = has_completed_one || flow == Flow::kNext;
  }
  if (has_completed_one) return Flow::kNext;
  return RunBody(statement.otherwise, std::make_shared<Scope>(scope), text);
}

absl::StatusOr<Renderer::Flow> Renderer::RunWith(const Statement& statement, const std::shared_ptr<Scope>& scope,
                                                 std::string* text) {
  const auto own = std::make_shared<Scope>(scope);
  for (const Statement::Parameter& parameter : statement.parameters) {
    COHORT_ASSIGN_OR_RETURN(Value value, evaluator_.Evaluate(*parameter.value, *scope));
    own->Set(parameter.name, std::move(value));
  }
  return RunBody(statement.body, own, text);
}

absl::StatusOr<Renderer::Flow> Renderer::RunFilterBlock(const Statement& statement, const std::shared_ptr<Scope>& scope,
                                                        std::string* text) {
  std::string body;
  COHORT_ASSIGN_OR_RETURN(const Flow flow, RunBody(statement.body, std::make_shared<Scope>(scope), &body));
  if (flow != Flow::kNext) return flow;
  COHORT_ASSIGN_OR_RETURN(const Value input, budget()->String(std::move(body)));
  COHORT_ASSIGN_OR_RETURN(const Value filtered, evaluator_.ApplyFilters(*statement.value, input, *scope));
  COHORT_ASSIGN_OR_RETURN(const std::string piece, Str(filtered, budget()));
  COHORT_RETURN_IF_ERROR(Append(piece, text));
  return Flow::kNext;
}

absl::StatusOr<Renderer::Flow> Renderer::RunSetBlock(const Statement& statement, const std::shared_ptr<Scope>& scope) {
  std::string body;
  const auto own = std::make_shared<Scope>(scope);
  COHORT_ASSIGN_OR_RETURN(const Flow flow, RunBody(statement.body, own, &body));
  if (flow != Flow::kNext) return flow;
  COHORT_ASSIGN_OR_RETURN(Value value, budget()->String(std::move(body)));
  if (statement.value != nullptr) {
    COHORT_ASSIGN_OR_RETURN(value, evaluator_.ApplyFilters(*statement.value, value, *own));
  }
  COHORT_RETURN_IF_ERROR(Assign(*statement.target, value, scope.get()));
  return Flow::kNext;
}

absl::Status Renderer::RunSet(const Statement& statement, Scope* scope) {
  COHORT_ASSIGN_OR_RETURN(const Value value, evaluator_.Evaluate(*statement.value, *scope));
  return Assign(*statement.target, value, scope);
}

absl::Status Renderer::Assign(const Expression& target, const Value& value, Scope* scope) {
  if (target.kind == Expression::Kind::kName) {
    COHORT_RETURN_IF_ERROR(budget()->Reserve(static_cast<int64_t>(target.name.size() + 2 * sizeof(Value))));
    scope->Set(target.name, value);
    return absl::OkStatus();
  }
  if (target.kind == Expression::Kind::kNamespaceAttribute) {
    const Value* const found = scope->Find(target.name);
    if (found == nullptr || !found->Is(Value::Kind::kNamespace)) {
      return Locate(absl::InvalidArgumentError(absl::StrCat("'", target.name, "' is no namespace to assign to")),
                    target.at);
    }
    if (absl::StartsWith(target.names[0], "_")) {
      return Locate(absl::InvalidArgumentError("a namespace takes no attribute that begins with _"), target.at);
    }
    found->object<Namespace>().attributes[target.names[0]] = value;
    return absl::OkStatus();
  }
  COHORT_ASSIGN_OR_RETURN(const std::vector<Value> parts, ItemsOf(value, budget()));
  if (parts.size() != target.operands.size()) {
    return Locate(
        absl::InvalidArgumentError(absl::StrCat(parts.size(), " values for ", target.operands.size(), " names")),
        target.at);
  }
  for (size_t i = 0; i < parts.size(); ++i) COHORT_RETURN_IF_ERROR(Assign(*target.operands[i], parts[i], scope));
  return absl::OkStatus();
}

}  // namespace cohort::model::chat_template
