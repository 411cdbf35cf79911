// SPDX-License-Identifier: Apache-2.0
// The half of ExpressionParser below the operators: literals, names, calls, subscripts, filters, targets.
#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "common/status_macros.h"
#include "model/chat_template/expression_parser.h"
#include "model/chat_template/number_text.h"

namespace cohort::model::chat_template {

absl::StatusOr<ExpressionPtr> ExpressionParser::ParsePrimary() {
  switch (tokens_.current().kind) {
    case Token::Kind::kString:
      return ParseString();
    case Token::Kind::kInteger:
    case Token::Kind::kFloat:
      return ParseNumber();
    case Token::Kind::kOperator:
      if (tokens_.IsOperator("(")) return ParseParenthesis();
      if (tokens_.IsOperator("[")) return ParseList();
      if (tokens_.IsOperator("{")) return ParseDict();
      return tokens_.Unexpected("an expression");
    case Token::Kind::kName:
      break;
    default:
      return tokens_.Unexpected("an expression");
  }
  ExpressionPtr node = Make(Expression::Kind::kConstant);
  const std::string& name = tokens_.current().text;
  if (name == "true" || name == "True") {
    node->constant = Value::Bool(true);
  } else if (name == "false" || name == "False") {
    node->constant = Value::Bool(false);
  } else if (name != "none" && name != "None") {
    node->kind = Expression::Kind::kName;
    node->name = name;
  }
  tokens_.Advance();
  return node;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseString() {
  ExpressionPtr node = Make(Expression::Kind::kConstant);
  auto text = std::make_shared<Text>();
  for (; tokens_.Is(Token::Kind::kString); tokens_.Advance()) text->text += tokens_.current().text;
  node->constant = Value(Value::Kind::kString, std::move(text));
  return node;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseNumber() {
  ExpressionPtr node = Make(Expression::Kind::kConstant);
  const std::string& digits = tokens_.current().text;
  if (tokens_.Is(Token::Kind::kInteger)) {
    int64_t integer = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), integer).ec != std::errc()) {
      return SyntaxError(node->at, "an integer of more than 64 bits");
    }
    node->constant = Value::Integer(integer);
  } else {
    const std::optional<double> number = FloatFromText(digits);
    if (!number.has_value()) return SyntaxError(node->at, "not a number");
    node->constant = Value::Float(*number);
  }
  tokens_.Advance();
  return node;
}

bool ExpressionParser::EndsTuple() const {
  return tokens_.Is(Token::Kind::kPrintEnd) || tokens_.Is(Token::Kind::kBlockEnd) || tokens_.IsOperator(")");
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseTuple(bool with_conditional) {
  ExpressionPtr tuple = Make(Expression::Kind::kTuple);
  COHORT_ASSIGN_OR_RETURN(ExpressionPtr first, Parse(with_conditional));
  if (!tokens_.IsOperator(",")) return first;
  COHORT_RETURN_IF_ERROR(Adopt(std::move(first), tuple.get()));
  while (tokens_.SkipOperator(",") && !EndsTuple() && !tokens_.IsName("recursive")) {
    COHORT_ASSIGN_OR_RETURN(ExpressionPtr item, Parse(with_conditional));
    COHORT_RETURN_IF_ERROR(Adopt(std::move(item), tuple.get()));
  }
  return tuple;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseParenthesis() {
  ExpressionPtr empty = Make(Expression::Kind::kTuple);
  tokens_.Advance();
  if (tokens_.SkipOperator(")")) return empty;
  COHORT_ASSIGN_OR_RETURN(ExpressionPtr node, ParseTuple());
  COHORT_RETURN_IF_ERROR(tokens_.ExpectOperator(")"));
  return node;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseList() {
  ExpressionPtr list = Make(Expression::Kind::kList);
  tokens_.Advance();
  while (!tokens_.IsOperator("]")) {
    if (!list->operands.empty()) COHORT_RETURN_IF_ERROR(tokens_.ExpectOperator(","));
    if (tokens_.IsOperator("]")) break;
    COHORT_ASSIGN_OR_RETURN(ExpressionPtr item, Parse());
    COHORT_RETURN_IF_ERROR(Adopt(std::move(item), list.get()));
  }
  COHORT_RETURN_IF_ERROR(tokens_.ExpectOperator("]"));
  return list;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseDict() {
  ExpressionPtr dict = Make(Expression::Kind::kDict);
  tokens_.Advance();
  while (!tokens_.IsOperator("}")) {
    if (!dict->operands.empty()) COHORT_RETURN_IF_ERROR(tokens_.ExpectOperator(","));
    if (tokens_.IsOperator("}")) break;
    COHORT_ASSIGN_OR_RETURN(ExpressionPtr key, Parse());
    COHORT_RETURN_IF_ERROR(Adopt(std::move(key), dict.get()));
    COHORT_RETURN_IF_ERROR(tokens_.ExpectOperator(":"));
    COHORT_ASSIGN_OR_RETURN(ExpressionPtr value, Parse());
    COHORT_RETURN_IF_ERROR(Adopt(std::move(value), dict.get()));
  }
  COHORT_RETURN_IF_ERROR(tokens_.ExpectOperator("}"));
  return dict;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParsePostfix(ExpressionPtr node) {
  while (true) {
    if (tokens_.IsOperator(".")) {
      COHORT_ASSIGN_OR_RETURN(node, ParseDot(std::move(node)));
    } else if (tokens_.IsOperator("[")) {
      COHORT_ASSIGN_OR_RETURN(node, ParseSubscript(std::move(node)));
    } else if (tokens_.IsOperator("(")) {
      COHORT_ASSIGN_OR_RETURN(node, ParseCall(std::move(node)));
    } else {
      return node;
    }
  }
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseFiltersAndTests(ExpressionPtr node) {
  while (true) {
    if (tokens_.IsOperator("|")) {
      COHORT_ASSIGN_OR_RETURN(node, ParseFilter(std::move(node)));
    } else if (tokens_.IsName("is")) {
      COHORT_ASSIGN_OR_RETURN(node, ParseTest(std::move(node)));
    } else if (tokens_.IsOperator("(")) {
      COHORT_ASSIGN_OR_RETURN(node, ParseCall(std::move(node)));
    } else {
      return node;
    }
  }
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseDot(ExpressionPtr node) {
  ExpressionPtr access = Make(Expression::Kind::kAttribute);
  tokens_.Advance();
  COHORT_RETURN_IF_ERROR(Adopt(std::move(node), access.get()));
  if (tokens_.Is(Token::Kind::kInteger)) {
    access->kind = Expression::Kind::kItem;
    COHORT_ASSIGN_OR_RETURN(ExpressionPtr index, ParseNumber());
    COHORT_RETURN_IF_ERROR(Adopt(std::move(index), access.get()));
    return access;
  }
  access->name = tokens_.current().text;
  COHORT_RETURN_IF_ERROR(tokens_.Expect(Token::Kind::kName, "a name or a number"));
  return access;
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseSubscript(ExpressionPtr node) {
  ExpressionPtr access = Make(Expression::Kind::kItem);
  tokens_.Advance();
  COHORT_RETURN_IF_ERROR(Adopt(std::move(node), access.get()));
  std::vector<ExpressionPtr> bounds;
  bool is_slice = false;
  COHORT_RETURN_IF_ERROR(ParseSubscribed(&bounds, &is_slice));
  if (is_slice) access->kind = Expression::Kind::kSlice;
  for (ExpressionPtr& bound : bounds) COHORT_RETURN_IF_ERROR(Adopt(std::move(bound), access.get()));
  COHORT_RETURN_IF_ERROR(tokens_.ExpectOperator("]"));
  return access;
}

// One index, or the three parts of a slice, absent ones null.
absl::Status ExpressionParser::ParseSubscribed(std::vector<ExpressionPtr>* bounds, bool* is_slice) {
  bounds->emplace_back();
  if (!tokens_.IsOperator(":")) {
    COHORT_ASSIGN_OR_RETURN(bounds->back(), Parse());
  }
  while (bounds->size() < 3 && tokens_.SkipOperator(":")) {
    *is_slice = true;
    bounds->emplace_back();
    if (tokens_.IsOperator(":") || tokens_.IsOperator("]")) continue;
    COHORT_ASSIGN_OR_RETURN(bounds->back(), Parse());
  }
  if (*is_slice) bounds->resize(3);
  return absl::OkStatus();
}

absl::StatusOr<ExpressionPtr> ExpressionParser::ParseCall(ExpressionPtr node) {
  ExpressionPtr call = Make(Expression::Kind::kCall);
  COHORT_RETURN_IF_ERROR(Adopt(std::move(node), call.get()));
  COHORT_RETURN_IF_ERROR(ParseArguments(call.get()));
  return call;
}

absl::Status ExpressionParser::ParseArguments(Expression* node) {
  CallSyntax* const call = &node->call;
  COHORT_RETURN_IF_ERROR(tokens_.ExpectOperator("("));
  while (!tokens_.IsOperator(")")) {
    COHORT_ASSIGN_OR_RETURN(const int depth, ParseArgument(call));
    node->depth = std::max(node->depth, depth + 1);
    if (node->depth > kMaxExpressionDepth) return SyntaxError(node->at, "nested too deeply");
    if (!tokens_.IsOperator(")")) COHORT_RETURN_IF_ERROR(tokens_.ExpectOperator(","));
  }
  return tokens_.ExpectOperator(")");
}

absl::StatusOr<int> ExpressionParser::ParseArgument(CallSyntax* call) {
  const bool is_named =
      tokens_.Is(Token::Kind::kName) && tokens_.next().kind == Token::Kind::kOperator && tokens_.next().text == "=";
  const bool is_star = tokens_.IsOperator("*");
  const bool is_after_star = call->star != nullptr || call->star_star != nullptr;
  if (call->star_star != nullptr || (is_star && is_after_star) ||
      (!is_named && !is_star && !tokens_.IsOperator("**") && (is_after_star || !call->named.empty()))) {
    return tokens_.Unexpected("positional arguments before named ones");
  }
  if (tokens_.SkipOperator("**")) {
    COHORT_ASSIGN_OR_RETURN(call->star_star, Parse());
    return call->star_star->depth;
  }
  if (tokens_.SkipOperator("*")) {
    COHORT_ASSIGN_OR_RETURN(call->star, Parse());
    return call->star->depth;
  }
  std::string name;
  if (is_named) {
    name = tokens_.current().text;
    tokens_.Advance();
    tokens_.Advance();
  }
  COHORT_ASSIGN_OR_RETURN(ExpressionPtr value, Parse());
  const int depth = value->depth;
  if (is_named) {
    call->named.emplace_back(std::move(name), std::move(value));
  } else {
    call->positional.push_back(std::move(value));
  }
  return depth;
}

absl::StatusOr<std::string> ExpressionParser::ParseDottedName() {
  std::string name = tokens_.current().text;
  COHORT_RETURN_IF_ERROR(tokens_.Expect(Token::Kind::kName, "a name"));
  while (tokens_.SkipOperator(".")) {
    name += "." + tokens_.current().text;
    COHORT_RETURN_IF_ERROR(tokens_.Expect(Token::Kind::kName, "a name"));
  }
  return name;
}

}  // namespace cohort::model::chat_template
