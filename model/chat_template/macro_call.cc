// SPDX-License-Identifier: Apache-2.0
// The part of Renderer for macros.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "model/chat_template/renderer.h"

namespace cohort::model::chat_template {
namespace {

// A macro with the scope that it was defined in, which may hold the macro itself.
class Macro final : public Callable {
 public:
  Macro(const Statement& statement, std::shared_ptr<Scope> closure, Renderer* renderer)
      : statement_(statement), closure_(std::move(closure)), renderer_(renderer) {}

  absl::StatusOr<Value> Call(const CallArguments& arguments, const CallEnvironment&) override {
    return renderer_->CallMacro(statement_, closure_, arguments);
  }
  void Clear() override { closure_.reset(); }

 private:
  const Statement& statement_;
  std::shared_ptr<Scope> closure_;
  Renderer* const renderer_;
};

}  // namespace

void Renderer::DefineMacro(const Statement& statement, const std::shared_ptr<Scope>& scope) {
  auto macro = std::make_shared<Macro>(statement, scope, this);
  budget()->Keep(macro);
  scope->Set(statement.text, Value(Value::Kind::kCallable, std::move(macro)));
}

absl::StatusOr<Value> Renderer::CallMacro(const Statement& macro, const std::shared_ptr<Scope>& closure,
                                          const CallArguments& arguments) {
  const auto scope = std::make_shared<Scope>(closure);
  absl::Status bound = BindParameters(macro, arguments, scope.get());
  if (!bound.ok()) {
    return absl::Status(bound.code(), absl::StrCat("macro '", macro.text, "': ", bound.message()));
  }
  std::string text;
  COHORT_RETURN_IF_ERROR(Render(macro.body, scope, &text));
  return budget()->String(std::move(text));
}

absl::Status Renderer::BindParameters(const Statement& macro, const CallArguments& arguments, Scope* scope) {
  std::vector<bool> is_named_used(arguments.named.size(), false);
  for (size_t i = 0; i < macro.parameters.size(); ++i) {
    const Statement::Parameter& parameter = macro.parameters[i];
    COHORT_RETURN_IF_ERROR(budget()->Step(1 + static_cast<int64_t>(arguments.named.size()) / 8));
    if (i < arguments.positional.size()) {
      scope->Set(parameter.name, arguments.positional[i]);
      continue;
    }
    const auto named = std::find_if(arguments.named.begin(), arguments.named.end(),
                                    [&](const auto& given) { return given.first == parameter.name; });
    if (named != arguments.named.end()) {
      is_named_used[named - arguments.named.begin()] = true;
      scope->Set(parameter.name, named->second);
    } else if (parameter.value != nullptr) {
      COHORT_ASSIGN_OR_RETURN(Value value, evaluator_.Evaluate(*parameter.value, *scope));
      scope->Set(parameter.name, std::move(value));
    } else {
      scope->Set(parameter.name, Value::Undefined(absl::StrCat("parameter '", parameter.name, "' was not provided")));
    }
  }
  return BindRest(macro, arguments, is_named_used, scope);
}

absl::Status Renderer::BindRest(const Statement& macro, const CallArguments& arguments,
                                const std::vector<bool>& is_named_used, Scope* scope) {
  std::vector<std::pair<Value, Value>> rest;
  for (size_t i = 0; i < arguments.named.size(); ++i) {
    const auto& [name, value] = arguments.named[i];
    if (is_named_used[i]) continue;
    if (!macro.takes_kwargs) return absl::InvalidArgumentError(absl::StrCat("takes no argument '", name, "'"));
    COHORT_ASSIGN_OR_RETURN(Value key, budget()->String(name));
    rest.emplace_back(std::move(key), value);
  }
  if (arguments.positional.size() > macro.parameters.size() && !macro.takes_varargs) {
    return absl::InvalidArgumentError(
        absl::StrCat("takes at most ", macro.parameters.size(), " arguments, not ", arguments.positional.size()));
  }
  if (macro.takes_kwargs) {
    COHORT_ASSIGN_OR_RETURN(Value kwargs, budget()->Dictionary(rest));
    scope->Set("kwargs", std::move(kwargs));
  }
  if (!macro.takes_varargs) return absl::OkStatus();
  COHORT_ASSIGN_OR_RETURN(
      Value varargs, budget()->Sequence(Value::Kind::kTuple, arguments.Without(macro.parameters.size()).positional));
  scope->Set("varargs", std::move(varargs));
  return absl::OkStatus();
}

}  // namespace cohort::model::chat_template
