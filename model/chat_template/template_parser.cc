// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/template_parser.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/chat_template/expression_parser.h"
#include "model/chat_template/token_stream.h"

namespace cohort::model::chat_template {
namespace {

constexpr size_t kMaxTemplateBytes = 1 << 20;
constexpr int kMaxDepth = 60;
constexpr size_t kShownBytes = 40;

using StatementPtr = std::unique_ptr<Statement>;
using Names = std::vector<std::string_view>;

class TemplateParser final {
 public:
  explicit TemplateParser(std::vector<Token> tokens) : tokens_(std::move(tokens)), expressions_(&tokens_) {}

  // Statements up to the tag of one of `ends`, which becomes the current token; without ends the whole template.
  absl::StatusOr<Body> ParseBody(const Names& ends) {
    if (depth_ >= kMaxDepth) return SyntaxError(tokens_.current().at, "nested too deeply");
    ++depth_;
    Body body;
    while (true) {
      COHORT_ASSIGN_OR_RETURN(const bool has_ended, EndsBody(ends));
      if (has_ended) break;
      COHORT_ASSIGN_OR_RETURN(StatementPtr statement, ParseStatement());
      body.push_back(std::move(statement));
    }
    --depth_;
    return body;
  }

 private:
  StatementPtr Make(Statement::Kind kind) const {
    auto statement = std::make_unique<Statement>();
    statement->kind = kind;
    statement->at = tokens_.current().at;
    return statement;
  }

  absl::StatusOr<bool> EndsBody(const Names& ends) {
    if (tokens_.Is(Token::Kind::kEnd)) {
      if (ends.empty()) return true;
      return tokens_.Unexpected(absl::StrCat("{% ", JoinNames(ends), " %}"));
    }
    if (!tokens_.Is(Token::Kind::kBlockBegin) || tokens_.next().kind != Token::Kind::kName) return false;
    for (const std::string_view end : ends) {
      if (tokens_.next().text != end) continue;
      tokens_.Advance();
      return true;
    }
    return false;
  }

  static std::string JoinNames(const Names& names) {
    return absl::StrJoin(names, " or ", [](std::string* out, std::string_view name) { *out += name; });
  }

  absl::Status CloseTag() { return tokens_.Expect(Token::Kind::kBlockEnd, "'%}'"); }

  // "%} body {% end": `last` is the name that ends it, of which the tag is left open.
  absl::StatusOr<Body> ParseBlock(const Names& ends, std::string* last) {
    tokens_.SkipOperator(":");
    COHORT_RETURN_IF_ERROR(CloseTag());
    COHORT_ASSIGN_OR_RETURN(Body body, ParseBody(ends));
    if (last != nullptr) *last = tokens_.current().text;
    tokens_.Advance();
    return body;
  }

  absl::StatusOr<StatementPtr> ParseStatement() {
    StatementPtr statement = Make(Statement::Kind::kText);
    if (tokens_.Is(Token::Kind::kText)) {
      statement->text = tokens_.current().text;
      tokens_.Advance();
      return statement;
    }
    if (tokens_.Is(Token::Kind::kPrintBegin)) {
      statement->kind = Statement::Kind::kPrint;
      tokens_.Advance();
      COHORT_ASSIGN_OR_RETURN(statement->value, expressions_.ParseTuple());
      COHORT_RETURN_IF_ERROR(tokens_.Expect(Token::Kind::kPrintEnd, "'}}'"));
      return statement;
    }
    COHORT_RETURN_IF_ERROR(tokens_.Expect(Token::Kind::kBlockBegin, "text or a tag"));
    statement->at = tokens_.current().at;
    COHORT_RETURN_IF_ERROR(ParseTag(statement.get()));
    COHORT_RETURN_IF_ERROR(CloseTag());
    return statement;
  }

  // From the tag's name to the end of its last tag, which is left open.
  absl::Status ParseTag(Statement* statement) {
    using Parse = absl::Status (TemplateParser::*)(Statement*);
    static constexpr std::pair<std::string_view, Parse> kTags[] = {
        {"if", &TemplateParser::ParseIf},
        {"for", &TemplateParser::ParseFor},
        {"set", &TemplateParser::ParseSet},
        {"macro", &TemplateParser::ParseMacro},
        {"with", &TemplateParser::ParseWith},
        {"generation", &TemplateParser::ParseGeneration},
        {"filter", &TemplateParser::ParseFilter},
        {"break", &TemplateParser::ParseBreak},
        {"continue", &TemplateParser::ParseContinue},
        {"print", &TemplateParser::ParsePrint},
    };
    const std::string name = tokens_.current().text;
    if (!tokens_.Is(Token::Kind::kName)) return tokens_.Unexpected("the name of a tag");
    for (const auto& [tag, parse] : kTags) {
      if (name != tag) continue;
      tokens_.Advance();
      return (this->*parse)(statement);
    }
    return SyntaxError(statement->at, absl::StrCat("tag is unknown, not supported or out of place (",
                                                   common::Printable(name, kShownBytes), ")"));
  }

  absl::Status ParseIf(Statement* statement) {
    statement->kind = Statement::Kind::kIf;
    std::string last = "elif";
    while (last == "elif") {
      Statement::Branch branch;
      COHORT_ASSIGN_OR_RETURN(branch.test, expressions_.ParseTuple(/*with_conditional=*/false));
      COHORT_ASSIGN_OR_RETURN(branch.body, ParseBlock({"elif", "else", "endif"}, &last));
      statement->branches.push_back(std::move(branch));
    }
    if (last != "else") return absl::OkStatus();
    Statement::Branch otherwise;
    COHORT_ASSIGN_OR_RETURN(otherwise.body, ParseBlock({"endif"}, nullptr));
    statement->branches.push_back(std::move(otherwise));
    return absl::OkStatus();
  }

  absl::Status ParseFor(Statement* statement) {
    statement->kind = Statement::Kind::kFor;
    const size_t first = tokens_.at();
    COHORT_ASSIGN_OR_RETURN(statement->target, expressions_.ParseTarget(/*with_namespace=*/false, "in"));
    if (tokens_.HasNameSince(first, "loop")) return SyntaxError(statement->at, "a loop cannot assign to 'loop'");
    COHORT_RETURN_IF_ERROR(tokens_.ExpectName("in"));
    COHORT_ASSIGN_OR_RETURN(statement->value, expressions_.ParseTuple(/*with_conditional=*/false));
    if (tokens_.SkipName("if")) {
      COHORT_ASSIGN_OR_RETURN(statement->test, expressions_.Parse());
    }
    if (tokens_.IsName("recursive")) return SyntaxError(statement->at, "recursive loops are not supported");
    std::string last;
    const size_t first_of_body = tokens_.at();
    ++num_loops_;
    auto body = ParseBlock({"endfor", "else"}, &last);
    --num_loops_;
    if (!body.ok()) return body.status();
    statement->body = *std::move(body);
    statement->names_loop = tokens_.HasNameSince(first_of_body, "loop");
    if (last == "else") {
      COHORT_ASSIGN_OR_RETURN(statement->otherwise, ParseBlock({"endfor"}, nullptr));
    }
    return absl::OkStatus();
  }

  absl::Status ParseSet(Statement* statement) {
    statement->kind = Statement::Kind::kSet;
    COHORT_ASSIGN_OR_RETURN(statement->target, expressions_.ParseTarget(/*with_namespace=*/true, ""));
    if (tokens_.SkipOperator("=")) {
      COHORT_ASSIGN_OR_RETURN(statement->value, expressions_.ParseTuple());
      return absl::OkStatus();
    }
    statement->kind = Statement::Kind::kSetBlock;
    if (tokens_.SkipOperator("|")) {
      COHORT_ASSIGN_OR_RETURN(statement->value, expressions_.ParseFilterChain());
    }
    COHORT_ASSIGN_OR_RETURN(statement->body, ParseBlock({"endset"}, nullptr));
    return absl::OkStatus();
  }

  absl::Status ParseMacro(Statement* statement) {
    statement->kind = Statement::Kind::kMacro;
    statement->text = tokens_.current().text;
    COHORT_RETURN_IF_ERROR(tokens_.Expect(Token::Kind::kName, "the name of the macro"));
    COHORT_RETURN_IF_ERROR(tokens_.ExpectOperator("("));
    while (!tokens_.IsOperator(")")) {
      if (!statement->parameters.empty()) COHORT_RETURN_IF_ERROR(tokens_.ExpectOperator(","));
      COHORT_RETURN_IF_ERROR(ParseParameter(statement));
    }
    tokens_.Advance();
    const size_t first = tokens_.at();
    COHORT_RETURN_IF_ERROR(ParseOwnBlock("endmacro", statement));
    statement->takes_varargs = tokens_.HasNameSince(first, "varargs");
    statement->takes_kwargs = tokens_.HasNameSince(first, "kwargs");
    if (tokens_.HasNameSince(first, "caller")) return SyntaxError(statement->at, "caller() is not supported");
    return absl::OkStatus();
  }

  absl::Status ParseParameter(Statement* statement) {
    Statement::Parameter parameter{tokens_.current().text, nullptr};
    COHORT_RETURN_IF_ERROR(tokens_.Expect(Token::Kind::kName, "the name of a parameter"));
    if (tokens_.SkipOperator("=")) {
      COHORT_ASSIGN_OR_RETURN(parameter.value, expressions_.Parse());
    } else if (!statement->parameters.empty() && statement->parameters.back().value != nullptr) {
      return tokens_.Unexpected("a default, as the parameter before has one");
    }
    statement->parameters.push_back(std::move(parameter));
    return absl::OkStatus();
  }

  // A body that is a function of its own: no `break` reaches out of it.
  absl::Status ParseOwnBlock(std::string_view end, Statement* statement) {
    const int num_loops = std::exchange(num_loops_, 0);
    auto body = ParseBlock({end}, nullptr);
    num_loops_ = num_loops;
    if (!body.ok()) return body.status();
    statement->body = *std::move(body);
    return absl::OkStatus();
  }

  absl::Status ParseGeneration(Statement* statement) {
    statement->kind = Statement::Kind::kScope;
    return ParseOwnBlock("endgeneration", statement);
  }

  absl::Status ParseWith(Statement* statement) {
    statement->kind = Statement::Kind::kWith;
    while (!tokens_.Is(Token::Kind::kBlockEnd)) {
      if (!statement->parameters.empty()) COHORT_RETURN_IF_ERROR(tokens_.ExpectOperator(","));
      Statement::Parameter parameter{tokens_.current().text, nullptr};
      COHORT_RETURN_IF_ERROR(tokens_.Expect(Token::Kind::kName, "a name"));
      COHORT_RETURN_IF_ERROR(tokens_.ExpectOperator("="));
      COHORT_ASSIGN_OR_RETURN(parameter.value, expressions_.Parse());
      statement->parameters.push_back(std::move(parameter));
    }
    COHORT_ASSIGN_OR_RETURN(statement->body, ParseBlock({"endwith"}, nullptr));
    return absl::OkStatus();
  }

  absl::Status ParseFilter(Statement* statement) {
    statement->kind = Statement::Kind::kFilterBlock;
    COHORT_ASSIGN_OR_RETURN(statement->value, expressions_.ParseFilterChain());
    COHORT_ASSIGN_OR_RETURN(statement->body, ParseBlock({"endfilter"}, nullptr));
    return absl::OkStatus();
  }

  absl::Status ParsePrint(Statement* statement) {
    statement->kind = Statement::Kind::kPrint;
    COHORT_ASSIGN_OR_RETURN(statement->value, expressions_.ParseTuple());
    return absl::OkStatus();
  }

  absl::Status ParseBreak(Statement* statement) { return ParseJump(Statement::Kind::kBreak, statement); }
  absl::Status ParseContinue(Statement* statement) { return ParseJump(Statement::Kind::kContinue, statement); }
  absl::Status ParseJump(Statement::Kind kind, Statement* statement) {
    if (num_loops_ == 0) return SyntaxError(statement->at, "outside of a loop");
    statement->kind = kind;
    return absl::OkStatus();
  }

  TokenStream tokens_;
  ExpressionParser expressions_;
  int depth_ = 0;
  int num_loops_ = 0;  // open around the current token within the innermost function
};

}  // namespace

absl::StatusOr<Body> ParseTemplate(std::string_view source) {
  if (source.size() > kMaxTemplateBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("1:1: a template of ", source.size(), " bytes, at most ", kMaxTemplateBytes, " are read"));
  }
  if (!common::IsValidUtf8(source)) return absl::InvalidArgumentError("1:1: the template is not UTF-8");
  COHORT_ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(source));
  return TemplateParser(std::move(tokens)).ParseBody({});
}

}  // namespace cohort::model::chat_template
