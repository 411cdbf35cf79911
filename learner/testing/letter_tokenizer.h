// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_TESTING_LETTER_TOKENIZER_H_
#define COHORT_LEARNER_TESTING_LETTER_TOKENIZER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "model/tokenizer/tokenizer.h"

namespace cohort::learner {

// 'a'..'z' are tokens 2..27; everything else is refused. Immutable, thread-safe.
class LetterTokenizer : public model::Tokenizer {
 public:
  absl::StatusOr<std::vector<int32_t>> Encode(std::string_view text) const override {
    std::vector<int32_t> ids;
    for (char c : text) {
      if (c < 'a' || c > 'z') return absl::InvalidArgumentError(absl::StrCat("not a letter (", std::string(1, c), ")"));
      ids.push_back(2 + c - 'a');
    }
    return ids;
  }
  absl::StatusOr<std::string> Decode(const std::vector<int32_t>& ids, bool keep_special) const override {
    std::string text;
    for (int32_t id : ids) {
      if (id >= 2) text.push_back(static_cast<char>('a' + id - 2));
    }
    return keep_special ? absl::StatusOr<std::string>(absl::UnimplementedError("special tokens")) : text;
  }
  absl::StatusOr<std::string> TokenText(int32_t id) const override {
    return id >= 2 ? std::string(1, static_cast<char>('a' + id - 2)) : std::string();
  }
  int64_t VocabSize() const override { return 28; }
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_TESTING_LETTER_TOKENIZER_H_
