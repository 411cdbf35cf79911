// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_NFC_H_
#define COHORT_MODEL_TOKENIZER_NFC_H_

// Torch-free.
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace cohort::model {

// `text` in Unicode's normalization form C, as the NFC normalizer of PyPI `tokenizers` gives it: marks that are newer
// than its Unicode version stay where they are. `text` must be UTF-8. Returns `text` itself where all its characters
// are such that nothing can change (Latin, Cyrillic, Chinese, Japanese and Korean text as usually typed), else a view
// of `*storage`. O(n log n), also for a long run of marks. RESOURCE_EXHAUSTED names a failure of the library.
absl::StatusOr<std::string_view> ToNfc(std::string_view text, std::string* storage);

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_NFC_H_
