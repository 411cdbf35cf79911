// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_TOKENIZER_DESCRIPTION_H_
#define COHORT_MODEL_TOKENIZER_TOKENIZER_DESCRIPTION_H_

// Torch-free.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "model/tokenizer/added_tokens.h"
#include "model/tokenizer/pre_tokenization.h"
#include "model/tokenizer/template_ids.h"

namespace cohort::model {

// What a tokenizer.json says, reduced to what is supported.
struct TokenizerDescription {
  std::vector<std::pair<std::string, int32_t>> vocabulary;  // in the byte alphabet
  std::vector<std::pair<std::string, std::string>> merges;  // in the byte alphabet
  bool ignore_merges = false;
  bool normalizes_nfc = false;
  PreTokenization pre_tokenization;
  std::vector<AddedToken> added_tokens;
  TemplateIds template_ids;
};

// UNIMPLEMENTED names a component or option that is not supported; INVALID_ARGUMENT the key that makes no sense. Both
// name `file`.
absl::StatusOr<TokenizerDescription> ParseTokenizerDescription(std::string_view text, std::string_view file);

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_TOKENIZER_DESCRIPTION_H_
