// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_TOKENIZER_H_
#define COHORT_MODEL_TOKENIZER_TOKENIZER_H_

// Torch-free.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace cohort::model {

// Text to token ids and back, as described by a Hugging Face tokenizer.json (byte-level BPE; docs/tokenizers.md lists
// what is supported). Immutable, thread-safe.
class Tokenizer {
 public:
  // Reads `directory`/tokenizer.json. UNIMPLEMENTED names a component of the file that is not supported,
  // INVALID_ARGUMENT what makes no sense in it.
  static absl::StatusOr<std::unique_ptr<Tokenizer>> Load(std::string_view directory);
  virtual ~Tokenizer() = default;

  // INVALID_ARGUMENT when `text` is not UTF-8, is longer than 512 MiB or has a byte that the vocabulary cannot express
  // (named); RESOURCE_EXHAUSTED when the file's pattern backtracks without end on it. Special tokens written in the
  // text are recognised, none is added.
  virtual absl::StatusOr<std::vector<int32_t>> Encode(std::string_view text) const = 0;
  // Encode with the special tokens around it that the file's post-processor adds, such as a BOS: for plain prompts. A
  // chat template writes its special tokens itself.
  virtual absl::StatusOr<std::vector<int32_t>> EncodeWithSpecialTokens(std::string_view text) const {
    return Encode(text);
  }
  // Bytes of the ids; special tokens are left out unless asked for. Incomplete UTF-8 becomes U+FFFD, and so does an id
  // without a token: a model can sample the ids that pad its embedding. Negative ids are INVALID_ARGUMENT.
  virtual absl::StatusOr<std::string> Decode(const std::vector<int32_t>& ids, bool keep_special = false) const = 0;
  // The bytes that one token stands for, a special one its own text: possibly a part of a UTF-8 character. U+FFFD for
  // an id without a token; a negative one is INVALID_ARGUMENT.
  virtual absl::StatusOr<std::string> TokenText(int32_t id) const = 0;
  // Whether Decode leaves the token out unless asked for it; false for an id without a token.
  virtual bool IsSpecial(int32_t /*id*/) const { return false; }
  // Largest id + 1.
  virtual int64_t VocabSize() const = 0;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_TOKENIZER_H_
