// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TOKENIZER_INCREMENTAL_DECODER_H_
#define COHORT_MODEL_TOKENIZER_INCREMENTAL_DECODER_H_

// Torch-free.
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "model/tokenizer/tokenizer.h"

namespace cohort::model {

// Text of ids that come one at a time: bytes that may still become a character are held back, so no piece ends in a
// broken one. All pieces and Finish() together are Tokenizer::Decode of all ids. Not thread-safe; the tokenizer must
// outlive it.
//
//   IncrementalDecoder decoder(tokenizer);
//   for (int32_t id : ids) Show(decoder.Push(id).value());
//   Show(decoder.Finish());
class IncrementalDecoder final {
 public:
  explicit IncrementalDecoder(const Tokenizer& tokenizer, bool keep_special = false)
      : tokenizer_(tokenizer), keep_special_(keep_special) {}

  // What became certain with this id, possibly nothing. A negative id is INVALID_ARGUMENT and changes nothing.
  absl::StatusOr<std::string> Push(int32_t id);
  // What is still held back, as U+FFFD; afterwards another text may begin.
  std::string Finish();

 private:
  const Tokenizer& tokenizer_;
  const bool keep_special_;
  std::string held_back_;  // up to 3 bytes
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_TOKENIZER_INCREMENTAL_DECODER_H_
