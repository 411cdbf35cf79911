// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_PRE_TOKENIZER_H_
#define COHORT_MODEL_TOKENIZER_PRE_TOKENIZER_H_

// Torch-free.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace cohort::model {

// The regular expression that GPT-2 splits text with.
inline constexpr char kGpt2SplitPattern[] =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// Cuts text into the pieces that BPE never merges across: every match of a pattern and every gap between matches.
// Immutable, thread-safe.
class PreTokenizer final {
 public:
  // INVALID_ARGUMENT when the pattern does not compile (PCRE2, UTF and Unicode properties on, \C off: it cuts
  // characters).
  static absl::StatusOr<std::unique_ptr<PreTokenizer>> Create(const std::string& pattern);
  ~PreTokenizer();
  PreTokenizer(const PreTokenizer&) = delete;
  PreTokenizer& operator=(const PreTokenizer&) = delete;

  // Pieces of `text`, which must be UTF-8; they point into it. RESOURCE_EXHAUSTED when the pattern needs more stack,
  // memory or backtracking than a match is granted.
  absl::StatusOr<std::vector<std::string_view>> Split(std::string_view text) const;

 private:
  PreTokenizer(void* code, void* limits) : code_(code), limits_(limits) {}

  void* code_;    // pcre2_code
  void* limits_;  // pcre2_match_context
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_PRE_TOKENIZER_H_
