// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_PRE_TOKENIZATION_H_
#define COHORT_MODEL_TOKENIZER_PRE_TOKENIZATION_H_

// Torch-free.
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/strict_json.h"

namespace cohort::model {

// What "pre_tokenizer" says.
struct PreTokenization {
  std::vector<std::string> split_patterns;  // each splits the pieces of the one before it
  bool add_prefix_space = false;            // before a section of text that does not start with one
};

// Reads "pre_tokenizer" of a tokenizer.json: ByteLevel, or a Sequence of Splits (Regex, Isolated) that ends in
// ByteLevel without its own regex. UNIMPLEMENTED names anything else.
absl::StatusOr<PreTokenization> ReadPreTokenization(const JsonFields& root);

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_PRE_TOKENIZATION_H_
