// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_SYNTAX_TREE_H_
#define COHORT_MODEL_CHAT_TEMPLATE_SYNTAX_TREE_H_

// The nodes of a parsed template. Plain records, immutable once parsed.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/chat_template/value.h"

namespace cohort::model::chat_template {

// In the template, from 1; the column counts bytes.
struct Position {
  int line = 1;
  int column = 1;
};

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

// (a, name=b, *c, **d)
struct CallSyntax {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr star;
  ExpressionPtr star_star;
};

struct Expression {
  enum class Kind {
    kConstant,            // constant
    kName,                // name
    kList,                // operands
    kTuple,               // operands
    kDict,                // operands: key, value, key, value ...
    kAttribute,           // operands[0].name
    kItem,                // operands[0][operands[1]]
    kSlice,               // operands[0][operands[1]:operands[2]:operands[3]], each of the three may be null
    kCall,                // operands[0](call)
    kFilter,              // operands[0]|name(call); operands[0] is null at the head of a filter block
    kTest,                // operands[0] is name(call)
    kUnary,               // name operands[0]: "-", "+", "not"
    kBinary,              // operands[0] name operands[1]: "+", "-", "*", "/", "//", "%", "**"
    kConcat,              // operands joined by ~
    kCompare,             // operands[0] names[0] operands[1] names[1] operands[2] ...
    kAnd,                 // operands[0] and operands[1]
    kOr,                  // operands[0] or operands[1]
    kConditional,         // operands[1] if operands[0] else operands[2], which may be null
    kNamespaceAttribute,  // name.names[0] as the target of an assignment
  };

  Kind kind = Kind::kConstant;
  Position at;
  int depth = 1;  // levels of expressions, itself included
  Value constant;
  std::string name;
  std::vector<std::string> names;
  std::vector<ExpressionPtr> operands;
  CallSyntax call;
};

struct Statement;
using Body = std::vector<std::unique_ptr<Statement>>;

struct Statement {
  enum class Kind {
    kText,         // text
    kPrint,        // value
    kIf,           // branches: value of each, null for else, and its body
    kFor,          // target in value if test: body else otherwise
    kSet,          // target = value
    kSetBlock,     // target, value is a filter chain or null, body
    kMacro,        // text is the name; parameters, body
    kScope,        // a generation block: body in a scope of its own
    kWith,         // parameters as names with values, body
    kFilterBlock,  // value is the filter chain, body
    kBreak,
    kContinue,
  };

  struct Branch {
    ExpressionPtr test;  // null: else
    Body body;
  };
  struct Parameter {
    std::string name;
    ExpressionPtr value;  // default; null when there is none
  };

  Kind kind = Kind::kText;
  Position at;
  std::string text;
  ExpressionPtr target;
  ExpressionPtr value;
  ExpressionPtr test;
  Body body;
  Body otherwise;
  std::vector<Branch> branches;
  std::vector<Parameter> parameters;
  bool names_loop = false;     // of a loop: its body names `loop`
  bool takes_varargs = false;  // of a macro: it names `varargs`
  bool takes_kwargs = false;   // of a macro: it names `kwargs`
};

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_SYNTAX_TREE_H_
