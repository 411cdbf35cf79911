// SPDX-License-Identifier: Apache-2.0
// Operators; what they join is in primary_parser.cc.
#include "model/chat_template/expression_parser.h"

#include <algorithm>
#include <utility>

#include "common/status_macros.h"

namespace cohort::model::chat_template {
namespace {

bool IsComparison(const TokenStream& tokens) {
  for (const char* name : {"==", "!=", "<", "<=", ">", ">="}) {
    if (tokens.IsOperator(name)) return true;
  }
  return false;
}

}  // namespace

ExpressionPtr ExpressionParser::Make(Expression::Kind kind) const {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->at = tokens_.current().at;
  return node;
}

absl::Status ExpressionParser::Adopt(ExpressionPtr node, Expression* parent) const {
  if (node != nullptr) parent->depth = std::max(parent->depth, node->depth + 1);
  if (parent->depth > kMaxExpressionDepth) return SyntaxError(parent->at, "nested too deeply");
  parent->operands.push_back(std::move(node));
  return absl::OkStatus();
}

absl::StatusOr<ExpressionPtr> ExpressionParser::Binary(Expression::Kind kind, std::string name, ExpressionPtr left,
                                                       ExpressionPtr right) const {
  ExpressionPtr node = Make(kind);
  node->at = left->at;
  node->name = std::move(name);
  COHORT_RETURN_IF_ERROR(Adopt(std::move(left), node.get()));
  COHORT_RETURN_IF_ERROR(Adopt(std::move(right), node.get()));
  return node;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::Parse(bool with_conditional) {
  if (depth_ >= kMaxExpressionDepth) return SyntaxError(tokens_.current().at, "nested too deeply");
  ++depth_;
  auto node = with_conditional ? ParseConditional() : ParseOr();
  --depth_;
  return node;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseConditional() {
  COHORT_ASSIGN_OR_RETURN(ExpressionPtr node, ParseOr());
  while (tokens_.IsName("if")) {
    ExpressionPtr conditional = Make(Expression::Kind::kConditional);
    tokens_.Advance();
    COHORT_ASSIGN_OR_RETURN(ExpressionPtr test, ParseOr());
    ExpressionPtr otherwise;
    if (tokens_.SkipName("else")) {
      COHORT_ASSIGN_OR_RETURN(otherwise, Parse());
    }
    COHORT_RETURN_IF_ERROR(Adopt(std::move(test), conditional.get()));
    COHORT_RETURN_IF_ERROR(Adopt(std::move(node), conditional.get()));
    COHORT_RETURN_IF_ERROR(Adopt(std::move(otherwise), conditional.get()));
    node = std::move(conditional);
  }
  return node;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseOr() {
  COHORT_ASSIGN_OR_RETURN(ExpressionPtr left, ParseAnd());
  while (tokens_.SkipName("or")) {
    COHORT_ASSIGN_OR_RETURN(ExpressionPtr right, ParseAnd());
    COHORT_ASSIGN_OR_RETURN(left, Binary(Expression::Kind::kOr, "or", std::move(left), std::move(right)));
  }
  return left;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseAnd() {
  COHORT_ASSIGN_OR_RETURN(ExpressionPtr left, ParseNot());
  while (tokens_.SkipName("and")) {
    COHORT_ASSIGN_OR_RETURN(ExpressionPtr right, ParseNot());
    COHORT_ASSIGN_OR_RETURN(left, Binary(Expression::Kind::kAnd, "and", std::move(left), std::move(right)));
  }
  return left;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseNot() {
  std::vector<ExpressionPtr> negations;
  while (tokens_.IsName("not")) {
    negations.push_back(Make(Expression::Kind::kUnary));
    negations.back()->name = "not";
    tokens_.Advance();
  }
  COHORT_ASSIGN_OR_RETURN(ExpressionPtr node, ParseCompare());
  for (; !negations.empty(); negations.pop_back()) {
    COHORT_RETURN_IF_ERROR(Adopt(std::move(node), negations.back().get()));
    node = std::move(negations.back());
  }
  return node;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseCompare() {
  COHORT_ASSIGN_OR_RETURN(ExpressionPtr first, ParseSum());
  ExpressionPtr node = Make(Expression::Kind::kCompare);
  node->at = first->at;
  while (true) {
    if (IsComparison(tokens_) || tokens_.IsName("in")) {
      node->names.push_back(tokens_.current().text);
    } else if (tokens_.IsName("not") && tokens_.next().kind == Token::Kind::kName && tokens_.next().text == "in") {
      node->names.push_back("not in");
      tokens_.Advance();
    } else {
      break;
    }
    tokens_.Advance();
    if (node->operands.empty()) COHORT_RETURN_IF_ERROR(Adopt(std::move(first), node.get()));
    COHORT_ASSIGN_OR_RETURN(ExpressionPtr operand, ParseSum());
    COHORT_RETURN_IF_ERROR(Adopt(std::move(operand), node.get()));
  }
  return node->operands.empty() ? std::move(first) : std::move(node);
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseSum() {
  COHORT_ASSIGN_OR_RETURN(ExpressionPtr left, ParseConcat());
  while (tokens_.IsOperator("+") || tokens_.IsOperator("-")) {
    const std::string name = tokens_.current().text;
    tokens_.Advance();
    COHORT_ASSIGN_OR_RETURN(ExpressionPtr right, ParseConcat());
    COHORT_ASSIGN_OR_RETURN(left, Binary(Expression::Kind::kBinary, name, std::move(left), std::move(right)));
  }
  return left;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseConcat() {
  COHORT_ASSIGN_OR_RETURN(ExpressionPtr first, ParseProduct());
  if (!tokens_.IsOperator("~")) return first;
  ExpressionPtr node = Make(Expression::Kind::kConcat);
  COHORT_RETURN_IF_ERROR(Adopt(std::move(first), node.get()));
  while (tokens_.SkipOperator("~")) {
    COHORT_ASSIGN_OR_RETURN(ExpressionPtr operand, ParseProduct());
    COHORT_RETURN_IF_ERROR(Adopt(std::move(operand), node.get()));
  }
  return node;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseProduct() {
  COHORT_ASSIGN_OR_RETURN(ExpressionPtr left, ParsePower());
  while (tokens_.IsOperator("*") || tokens_.IsOperator("/") || tokens_.IsOperator("//") || tokens_.IsOperator("%")) {
    const std::string name = tokens_.current().text;
    tokens_.Advance();
    COHORT_ASSIGN_OR_RETURN(ExpressionPtr right, ParsePower());
    COHORT_ASSIGN_OR_RETURN(left, Binary(Expression::Kind::kBinary, name, std::move(left), std::move(right)));
  }
  return left;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParsePower() {
  COHORT_ASSIGN_OR_RETURN(ExpressionPtr left, ParseUnary(/*with_filter=*/true));
  while (tokens_.SkipOperator("**")) {
    COHORT_ASSIGN_OR_RETURN(ExpressionPtr right, ParseUnary(/*with_filter=*/true));
    COHORT_ASSIGN_OR_RETURN(left, Binary(Expression::Kind::kBinary, "**", std::move(left), std::move(right)));
  }
  return left;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseUnary(bool with_filter) {
  if (depth_ >= kMaxExpressionDepth) return SyntaxError(tokens_.current().at, "nested too deeply");
  ExpressionPtr node;
  if (tokens_.IsOperator("-") || tokens_.IsOperator("+")) {
    node = Make(Expression::Kind::kUnary);
    node->name = tokens_.current().text;
    tokens_.Advance();
    ++depth_;
    auto operand = ParseUnary(/*with_filter=*/false);
    --depth_;
    if (!operand.ok()) return operand.status();
    COHORT_RETURN_IF_ERROR(Adopt(*std::move(operand), node.get()));
  } else {
    COHORT_ASSIGN_OR_RETURN(node, ParsePrimary());
  }
  COHORT_ASSIGN_OR_RETURN(node, ParsePostfix(std::move(node)));
  return with_filter ? ParseFiltersAndTests(std::move(node)) : std::move(node);
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseTest(ExpressionPtr node) {
  ExpressionPtr test = Make(Expression::Kind::kTest);
  tokens_.Advance();
  const bool is_negated = tokens_.SkipName("not");
  COHORT_ASSIGN_OR_RETURN(test->name, ParseDottedName());
  COHORT_RETURN_IF_ERROR(Adopt(std::move(node), test.get()));
  const bool is_word_operator = tokens_.IsName("else") || tokens_.IsName("or") || tokens_.IsName("and");
  const bool begins_operand = tokens_.Is(Token::Kind::kName) || tokens_.Is(Token::Kind::kString) ||
                              tokens_.Is(Token::Kind::kInteger) || tokens_.Is(Token::Kind::kFloat) ||
                              tokens_.IsOperator("[") || tokens_.IsOperator("{");
  if (tokens_.IsOperator("(")) {
    COHORT_RETURN_IF_ERROR(ParseArguments(test.get()));
  } else if (begins_operand && !is_word_operator) {
    if (tokens_.IsName("is")) return tokens_.Unexpected("one test with 'is'");
    COHORT_ASSIGN_OR_RETURN(ExpressionPtr argument, ParsePrimary());
    COHORT_ASSIGN_OR_RETURN(argument, ParsePostfix(std::move(argument)));
    test->depth = std::max(test->depth, argument->depth + 1);
    test->call.positional.push_back(std::move(argument));
  }
  if (!is_negated) return test;
  ExpressionPtr negation = Make(Expression::Kind::kUnary);
  negation->name = "not";
  negation->at = test->at;
  COHORT_RETURN_IF_ERROR(Adopt(std::move(test), negation.get()));
  return negation;
}

}  // namespace cohort::model::chat_template
