// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_EXPRESSION_PARSER_H_
#define COHORT_MODEL_CHAT_TEMPLATE_EXPRESSION_PARSER_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "model/chat_template/syntax_tree.h"
#include "model/chat_template/token_stream.h"

namespace cohort::model::chat_template {

// What is nested deeper is refused: all that works on an expression recurses.
inline constexpr int kMaxExpressionDepth = 100;

// Expressions of a template, with the precedences of jinja2. Moves `tokens`, which must outlive it, behind what it has
// parsed. Errors as of SyntaxError; expressions nested too deeply are one. Not thread-safe.
class ExpressionParser final {
 public:
  explicit ExpressionParser(TokenStream* tokens) : tokens_(*tokens) {}

  // Without a conditional at its top when `with_conditional` is false: `for x in y if z`.
  absl::StatusOr<ExpressionPtr> Parse(bool with_conditional = true);
  // One expression, or several with commas between: a tuple.
  absl::StatusOr<ExpressionPtr> ParseTuple(bool with_conditional = true);
  // Names, tuples of names and, where allowed, attributes of namespaces. Ends at `end`, unless that is empty.
  absl::StatusOr<ExpressionPtr> ParseTarget(bool with_namespace, std::string_view end);
  // A chain of filters without what it filters: "upper | trim".
  absl::StatusOr<ExpressionPtr> ParseFilterChain();

 private:
  absl::StatusOr<ExpressionPtr> ParseConditional();
  absl::StatusOr<ExpressionPtr> ParseOr();
  absl::StatusOr<ExpressionPtr> ParseAnd();
  absl::StatusOr<ExpressionPtr> ParseNot();
  absl::StatusOr<ExpressionPtr> ParseCompare();
  absl::StatusOr<ExpressionPtr> ParseSum();
  absl::StatusOr<ExpressionPtr> ParseConcat();
  absl::StatusOr<ExpressionPtr> ParseProduct();
  absl::StatusOr<ExpressionPtr> ParsePower();
  absl::StatusOr<ExpressionPtr> ParseUnary(bool with_filter);
  absl::StatusOr<ExpressionPtr> ParsePrimary();
  absl::StatusOr<ExpressionPtr> ParseString();
  absl::StatusOr<ExpressionPtr> ParseNumber();
  absl::StatusOr<ExpressionPtr> ParseParenthesis();
  absl::StatusOr<ExpressionPtr> ParseList();
  absl::StatusOr<ExpressionPtr> ParseDict();
  absl::StatusOr<ExpressionPtr> ParsePostfix(ExpressionPtr node);
  absl::StatusOr<ExpressionPtr> ParseFiltersAndTests(ExpressionPtr node);
  absl::StatusOr<ExpressionPtr> ParseDot(ExpressionPtr node);
  absl::StatusOr<ExpressionPtr> ParseSubscript(ExpressionPtr node);
  absl::Status ParseSubscribed(std::vector<ExpressionPtr>* bounds, bool* is_slice);
  absl::StatusOr<ExpressionPtr> ParseCall(ExpressionPtr node);
  absl::Status ParseArguments(Expression* node);
  // The depth of the argument.
  absl::StatusOr<int> ParseArgument(CallSyntax* call);
  absl::StatusOr<ExpressionPtr> ParseFilter(ExpressionPtr node);
  absl::StatusOr<ExpressionPtr> ParseTest(ExpressionPtr node);
  absl::StatusOr<std::string> ParseDottedName();
  absl::StatusOr<ExpressionPtr> ParseTargetName(bool with_namespace);
  absl::StatusOr<ExpressionPtr> ParseTargetItem(bool with_namespace);

  bool EndsTuple() const;
  ExpressionPtr Make(Expression::Kind kind) const;
  // Takes the node as the next operand of `parent`.
  absl::Status Adopt(ExpressionPtr node, Expression* parent) const;
  absl::StatusOr<ExpressionPtr> Binary(Expression::Kind kind, std::string name, ExpressionPtr left,
                                       ExpressionPtr right) const;

  TokenStream& tokens_;
  int depth_ = 0;  // of nested calls of the parser
};

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_EXPRESSION_PARSER_H_
