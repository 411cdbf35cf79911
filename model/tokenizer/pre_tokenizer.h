// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_PRE_TOKENIZER_H_
#define COHORT_MODEL_TOKENIZER_PRE_TOKENIZER_H_

// Torch-free.
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/tokenizer/regex_splitter.h"
#include "model/tokenizer/split_scanner.h"

namespace cohort::model {

// Cuts text into the pieces that BPE never merges across. Immutable, thread-safe.
class PreTokenizer final {
 public:
  // Each pattern splits the pieces of the one before it; without patterns the whole text is one piece. A pattern that
  // SplitScanner knows is scanned, any other is matched by RegexSplitter. INVALID_ARGUMENT names a pattern that does
  // not compile.
  static absl::StatusOr<PreTokenizer> Create(const std::vector<std::string>& patterns);

  // Appends the pieces of `text`, which must be UTF-8; they point into it and together are all of it. Errors as
  // RegexSplitter::Split.
  absl::Status Split(std::string_view text, std::vector<std::string_view>* pieces) const;

 private:
  using Stage = std::variant<SplitScanner, std::unique_ptr<RegexSplitter>>;

  static absl::Status SplitOnce(const Stage& stage, std::string_view text, std::vector<std::string_view>* pieces);

  std::vector<Stage> stages_;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_PRE_TOKENIZER_H_
