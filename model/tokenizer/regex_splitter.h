// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_REGEX_SPLITTER_H_
#define COHORT_MODEL_TOKENIZER_REGEX_SPLITTER_H_

// Torch-free.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cohort::model {

// Cuts text by a regular expression: every match is a piece and so is every gap between matches; a match of nothing
// cuts where it is. PCRE2, compiled to machine code where the machine allows it. Immutable, thread-safe.
class RegexSplitter final {
 public:
  // `pattern` is written for Oniguruma. UNIMPLEMENTED names what PCRE2 understands differently (see PatternForPcre2);
  // INVALID_ARGUMENT says why it does not compile.
  static absl::StatusOr<std::unique_ptr<RegexSplitter>> Create(const std::string& pattern);
  ~RegexSplitter();
  RegexSplitter(const RegexSplitter&) = delete;
  RegexSplitter& operator=(const RegexSplitter&) = delete;

  // Appends the pieces of `text`, which must be UTF-8; they point into it. RESOURCE_EXHAUSTED when the pattern needs
  // more stack, memory or backtracking than a match is granted.
  absl::Status Split(std::string_view text, std::vector<std::string_view>* pieces) const;

 private:
  RegexSplitter(void* code, void* limits, bool is_machine_code)
      : code_(code), limits_(limits), is_machine_code_(is_machine_code) {}

  int Match(std::string_view text, size_t at, void* match) const;

  void* code_;    // pcre2_code
  void* limits_;  // pcre2_match_context
  const bool is_machine_code_;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_REGEX_SPLITTER_H_
