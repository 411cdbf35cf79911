// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_PROMPT_TOKENS_H_
#define COHORT_MODEL_TOKENIZER_PROMPT_TOKENS_H_

// Torch-free.
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "model/tokenizer/tokenizer.h"

namespace cohort::model {

// Token ids of a prompt, the same for who samples it, checks its length and trains on it. A prompt that a chat template
// has rendered has its special tokens in its text; a plain one gets those that tokenizer.json puts around a text, such
// as a BOS. Errors as Tokenizer::Encode.
inline absl::StatusOr<std::vector<int32_t>> EncodePrompt(const Tokenizer& tokenizer, std::string_view prompt,
                                                         bool is_rendered) {
  return is_rendered ? tokenizer.Encode(prompt) : tokenizer.EncodeWithSpecialTokens(prompt);
}

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_PROMPT_TOKENS_H_
