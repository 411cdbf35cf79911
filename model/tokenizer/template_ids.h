// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_TEMPLATE_IDS_H_
#define COHORT_MODEL_TOKENIZER_TEMPLATE_IDS_H_

// Torch-free.
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "model/strict_json.h"

namespace cohort::model {

// The special tokens that "post_processor" puts around one text.
struct TemplateIds {
  std::vector<int32_t> leading;
  std::vector<int32_t> trailing;
};

// Reads "post_processor" of a tokenizer.json: none, ByteLevel (which concerns offsets only), TemplateProcessing, or a
// Sequence of these with at most one TemplateProcessing. Of a template only "single" counts: pairs of texts are never
// encoded. UNIMPLEMENTED names another component; INVALID_ARGUMENT what makes no sense in a template.
absl::StatusOr<TemplateIds> ReadTemplateIds(const JsonFields& root);

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_TEMPLATE_IDS_H_
