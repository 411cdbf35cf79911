// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_TOKEN_COLLECTION_H_
#define COHORT_MODEL_TOKENIZER_TOKEN_COLLECTION_H_

// Torch-free.
#include <vector>

#include "absl/status/statusor.h"
#include "model/tokenizer/added_tokens.h"
#include "model/tokenizer/token_texts.h"
#include "model/tokenizer/tokenizer_description.h"

namespace cohort::model {

// All tokens of a tokenizer.json, held against each other.
struct TokenCollection {
  TokenTexts texts;
  std::vector<AddedToken> raw_tokens;         // looked for in the text as it is
  std::vector<AddedToken> normalized_tokens;  // looked for in the normalized text; their contents are normalized too
};

// INVALID_ARGUMENT names two tokens of one id or two ids of one text, an id that is absurdly large, and a special token
// of the template that does not exist.
absl::StatusOr<TokenCollection> CollectTokens(const TokenizerDescription& description);

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_TOKEN_COLLECTION_H_
