// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_ADDED_TOKENS_H_
#define COHORT_MODEL_TOKENIZER_ADDED_TOKENS_H_

// Torch-free.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cohort::model {

// One entry of "added_tokens".
struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool special = false;     // left out when decoding
  bool normalized = false;  // looked for after the others
};

// Finds added tokens in text, before anything else splits it: longest match at the leftmost position. Immutable,
// thread-safe.
class AddedTokens final {
 public:
  struct Section {
    std::string_view text;  // what is left for BPE; empty when id >= 0
    int32_t id = -1;
  };

  explicit AddedTokens(const std::vector<AddedToken>& tokens);

  // Sections of `text` in order; they point into it.
  std::vector<Section> Split(std::string_view text) const;

 private:
  struct Pass {
    // Tokens by first byte, longest first.
    std::array<std::vector<AddedToken>, 256> tokens_of_byte;
    bool empty = true;
  };

  static void SplitOnce(const Pass& pass, std::string_view text, std::vector<Section>* sections);

  std::array<Pass, 2> passes_;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_ADDED_TOKENS_H_
