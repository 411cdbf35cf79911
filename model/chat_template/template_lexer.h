// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_CHAT_TEMPLATE_TEMPLATE_LEXER_H_
#define COHORT_MODEL_CHAT_TEMPLATE_TEMPLATE_LEXER_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/chat_template/syntax_tree.h"

namespace cohort::model::chat_template {

struct Token {
  enum class Kind {
    kText,
    kPrintBegin,
    kPrintEnd,
    kBlockBegin,
    kBlockEnd,
    kName,
    kString,
    kInteger,
    kFloat,
    kOperator,
    kEnd
  };

  Kind kind = Kind::kEnd;
  std::string text;  // of a string: unescaped; of a number: without underscores
  Position at;
};

// "line:column: why", the code INVALID_ARGUMENT.
absl::Status SyntaxError(Position at, std::string_view why);

// A template as tokens, comments left out, white space around tags removed as jinja2 does with trim_blocks and
// lstrip_blocks. The last token is kEnd. `source` is valid UTF-8. Errors as of SyntaxError. Pure.
absl::StatusOr<std::vector<Token>> Tokenize(std::string_view source);

}  // namespace cohort::model::chat_template

#endif  // COHORT_MODEL_CHAT_TEMPLATE_TEMPLATE_LEXER_H_
