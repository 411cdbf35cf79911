// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_TESTING_GPT2_TOKENIZER_H_
#define COHORT_MODEL_TOKENIZER_TESTING_GPT2_TOKENIZER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "model/tokenizer/tokenizer.h"

namespace cohort::model {

// GPT-2's tokenizer.json, 50,257 tokens, written to `folder` and loaded from there. Its vocabulary follows from its
// merges, model/testdata/tokenizers/gpt2/merges.txt.gz: bytes, then what each merge gives, then <|endoftext|>.
absl::StatusOr<std::unique_ptr<Tokenizer>> LoadGpt2Tokenizer(const std::string& folder);

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_TESTING_GPT2_TOKENIZER_H_
