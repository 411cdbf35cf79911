// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_SPLIT_SCANNER_H_
#define COHORT_MODEL_TOKENIZER_SPLIT_SCANNER_H_

// Torch-free.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace cohort::model {

// The regular expression that GPT-2 splits text with.
inline constexpr char kGpt2SplitPattern[] =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
// Qwen2's and Qwen3's.
inline constexpr char kQwen2SplitPattern[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// Llama 3's.
inline constexpr char kLlama3SplitPattern[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// The three patterns above written out by hand: the same pieces as the regular expressions give, at several times the
// speed. Every character belongs to a piece, so there are no gaps. Immutable, thread-safe; time is linear in the text.
class SplitScanner final {
 public:
  // Nothing for any other pattern.
  static std::optional<SplitScanner> ForPattern(std::string_view pattern);

  // End of the piece that starts at `at` < text.size(); `text` must be UTF-8.
  size_t PieceEnd(std::string_view text, size_t at) const {
    return longest_number_ == 0 ? Gpt2PieceEnd(text, at) : Llama3PieceEnd(text, at);
  }

 private:
  struct Character {
    uint8_t bits;
    uint8_t size;
  };

  explicit SplitScanner(int longest_number);

  size_t Gpt2PieceEnd(std::string_view text, size_t at) const;
  size_t Llama3PieceEnd(std::string_view text, size_t at) const;

  Character At(std::string_view text, size_t at) const;
  bool IsAt(std::string_view text, size_t at, uint8_t bits) const;
  // Past characters that have one of `bits`.
  size_t Skip(std::string_view text, size_t at, uint8_t bits) const;
  // Past characters that have none of them.
  size_t SkipOthers(std::string_view text, size_t at, uint8_t bits) const;
  size_t SpaceEnd(std::string_view text, size_t at, bool ends_at_newline) const;

  const uint8_t* bits_of_code_point_;
  int longest_number_;  // digits in a piece; 0: GPT-2's pattern
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_SPLIT_SCANNER_H_
