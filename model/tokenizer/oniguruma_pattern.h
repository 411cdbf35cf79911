// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_ONIGURUMA_PATTERN_H_
#define COHORT_MODEL_TOKENIZER_ONIGURUMA_PATTERN_H_

// Torch-free.
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace cohort::model {

// A tokenizer.json writes its patterns for Oniguruma, in Ruby's syntax; this is the same pattern for PCRE2 (with UTF,
// UCP and MULTILINE). UNIMPLEMENTED names a construct that the two engines understand differently, such as \h, \w, {2}+
// or [[:alpha:]], so that none is matched in another sense. What is malformed is left for PCRE2 to refuse.
absl::StatusOr<std::string> PatternForPcre2(std::string_view pattern);

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_ONIGURUMA_PATTERN_H_
