// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_RENDERER_H_
#define COHORT_MODEL_CHAT_TEMPLATE_RENDERER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/chat_template/call.h"
#include "model/chat_template/evaluator.h"
#include "model/chat_template/scope.h"
#include "model/chat_template/syntax_tree.h"

namespace cohort::model::chat_template {

// Executes statements. Errors have their place: "line:column: why". The macros that it defines refer to it and to the
// statements, so both must outlive the budget's values. Not thread-safe.
class Renderer final {
 public:
  explicit Renderer(const CallEnvironment& environment) : evaluator_(environment) {}

  // Appends to `text`, in `scope`.
  absl::Status Render(const Body& body, const std::shared_ptr<Scope>& scope, std::string* text);
  // Calls a macro that was defined in `closure`.
  absl::StatusOr<Value> CallMacro(const Statement& macro, const std::shared_ptr<Scope>& closure,
                                  const CallArguments& arguments);

 private:
  // How a statement ended.
  enum class Flow { kNext, kBreak, kContinue };

  absl::StatusOr<Flow> RunBody(const Body& body, const std::shared_ptr<Scope>& scope, std::string* text);
  absl::StatusOr<Flow> Run(const Statement& statement, const std::shared_ptr<Scope>& scope, std::string* text);
  absl::StatusOr<Flow> Dispatch(const Statement& statement, const std::shared_ptr<Scope>& scope, std::string* text);
  absl::Status Append(std::string_view piece, std::string* text);
  absl::Status Print(const Statement& statement, const Scope& scope, std::string* text);
  absl::StatusOr<Flow> RunIf(const Statement& statement, const std::shared_ptr<Scope>& scope, std::string* text);
  absl::StatusOr<Flow> RunFor(const Statement& statement, const std::shared_ptr<Scope>& scope, std::string* text);
  absl::StatusOr<bool> PassesTest(const Statement& statement, const Value& item, const std::shared_ptr<Scope>& scope);
  absl::StatusOr<std::vector<Value>> LoopItems(const Statement& statement, const std::shared_ptr<Scope>& scope);
  absl::StatusOr<Flow> RunWith(const Statement& statement, const std::shared_ptr<Scope>& scope, std::string* text);
  absl::StatusOr<Flow> RunFilterBlock(const Statement& statement, const std::shared_ptr<Scope>& scope,
                                      std::string* text);
  absl::StatusOr<Flow> RunSetBlock(const Statement& statement, const std::shared_ptr<Scope>& scope);
  absl::Status RunSet(const Statement& statement, Scope* scope);
  absl::Status Assign(const Expression& target, const Value& value, Scope* scope);
  void DefineMacro(const Statement& statement, const std::shared_ptr<Scope>& scope);
  absl::Status BindParameters(const Statement& macro, const CallArguments& arguments, Scope* scope);
  absl::Status BindRest(const Statement& macro, const CallArguments& arguments, const std::vector<bool>& is_named_used,
                        Scope* scope);

  RenderBudget* budget() const { return evaluator_.budget(); }

  Evaluator evaluator_;
};

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_RENDERER_H_
