// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_ADDED_TOKENS_H_
#define COHORT_MODEL_TOKENIZER_ADDED_TOKENS_H_

// Torch-free.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cohort::model {

// One entry of "added_tokens".
struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool special = false;      // left out when decoding
  bool normalized = false;   // looked for in the normalized text, after the others
  bool single_word = false;  // not where a letter, mark, digit or connector touches it
  bool lstrip = false;       // takes the spaces before it along
  bool rstrip = false;       // and those behind it
};

// Finds added tokens in text: at the leftmost position where one starts, the longest. Time is linear in the text times
// the longest token that it nearly contains. Immutable, thread-safe.
class AddedTokens final {
 public:
  struct Section {
    std::string_view text;  // what is left for BPE; empty when id >= 0
    int32_t id = -1;
  };

  // Two tokens of one content: the later one counts.
  explicit AddedTokens(const std::vector<AddedToken>& tokens);

  bool empty() const { return tokens_.empty(); }
  // Appends the sections of `text`, which must be UTF-8, in order; they point into it. None for an empty text.
  void Split(std::string_view text, std::vector<Section>* sections) const;

 private:
  static constexpr int32_t kNoToken = -1;

  // Index into tokens_ of the longest token that starts at `at`.
  int32_t LongestAt(std::string_view text, size_t at) const;
  static bool StandsAlone(std::string_view text, size_t start, size_t end);

  std::vector<AddedToken> tokens_;
  std::array<bool, 256> starts_token_{};  // by first byte
  // A trie: node and byte -> node; the root is 0.
  std::unordered_map<uint64_t, int32_t> edges_;
  std::vector<int32_t> token_of_node_;  // kNoToken: only a prefix
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_ADDED_TOKENS_H_
