// SPDX-License-Identifier: Apache-2.0
// The part of ExpressionParser for what is assigned to, and for filters.
#include <utility>

#include "common/status_macros.h"
#include "model/chat_template/expression_parser.h"

namespace cohort::model::chat_template {

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseFilter(ExpressionPtr node) {
  ExpressionPtr filter = Make(Expression::Kind::kFilter);
  tokens_.Advance();
  filter->at = tokens_.current().at;
  COHORT_ASSIGN_OR_RETURN(filter->name, ParseDottedName());
  if (tokens_.IsOperator("(")) COHORT_RETURN_IF_ERROR(ParseArguments(filter.get()));
  COHORT_RETURN_IF_ERROR(Adopt(std::move(node), filter.get()));
  return filter;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseFilterChain() {
  ExpressionPtr filter = Make(Expression::Kind::kFilter);
  COHORT_ASSIGN_OR_RETURN(filter->name, ParseDottedName());
  if (tokens_.IsOperator("(")) COHORT_RETURN_IF_ERROR(ParseArguments(filter.get()));
  filter->operands.emplace_back();
  while (tokens_.IsOperator("|")) {
    COHORT_ASSIGN_OR_RETURN(filter, ParseFilter(std::move(filter)));
  }
  return filter;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseTargetName(bool with_namespace) {
  ExpressionPtr node = Make(Expression::Kind::kName);
  node->name = tokens_.current().text;
  for (const char* name : {"true", "false", "none", "True", "False", "None"}) {
    if (tokens_.IsName(name)) return tokens_.Unexpected("a name to assign to");
  }
  COHORT_RETURN_IF_ERROR(tokens_.Expect(Token::Kind::kName, "a name to assign to"));
  if (!with_namespace || !tokens_.SkipOperator(".")) return node;
  node->kind = Expression::Kind::kNamespaceAttribute;
  node->names.push_back(tokens_.current().text);
  COHORT_RETURN_IF_ERROR(tokens_.Expect(Token::Kind::kName, "a name"));
  return node;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseTargetItem(bool with_namespace) {
  if (!tokens_.IsOperator("(")) return ParseTargetName(with_namespace);
  if (depth_ >= kMaxExpressionDepth) return SyntaxError(tokens_.current().at, "nested too deeply");
  tokens_.Advance();
  ++depth_;
  auto target = ParseTarget(with_namespace, /*end=*/"");
  --depth_;
  if (target.ok()) COHORT_RETURN_IF_ERROR(tokens_.ExpectOperator(")"));
  return target;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseTarget(bool with_namespace, std::string_view end) {
  ExpressionPtr tuple = Make(Expression::Kind::kTuple);
  COHORT_ASSIGN_OR_RETURN(ExpressionPtr first, ParseTargetItem(with_namespace));
  if (!tokens_.IsOperator(",")) return first;
  COHORT_RETURN_IF_ERROR(Adopt(std::move(first), tuple.get()));
  while (tokens_.SkipOperator(",") && !EndsTuple() && !tokens_.IsName(end) && !tokens_.IsOperator("=")) {
    COHORT_ASSIGN_OR_RETURN(ExpressionPtr item, ParseTargetItem(with_namespace));
    COHORT_RETURN_IF_ERROR(Adopt(std::move(item), tuple.get()));
  }
  return tuple;
}

}  // namespace cohort::model::chat_template
