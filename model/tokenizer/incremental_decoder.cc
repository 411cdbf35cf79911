// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/incremental_decoder.h"

#include <utility>

#include "common/status_macros.h"
#include "model/tokenizer/utf8.h"

namespace cohort::model {

absl::StatusOr<std::string> IncrementalDecoder::Push(int32_t id) {
  COHORT_ASSIGN_OR_RETURN(const std::string token, tokenizer_.TokenText(id));
  if (!keep_special_ && tokenizer_.IsSpecial(id)) return std::string();
  std::string bytes = std::exchange(held_back_, std::string()) + token;
  const size_t certain = bytes.size() - UnfinishedUtf8Length(bytes);
  held_back_ = bytes.substr(certain);
  bytes.resize(certain);
  return ReplaceInvalidUtf8(bytes);
}

std::string IncrementalDecoder::Finish() { return ReplaceInvalidUtf8(std::exchange(held_back_, std::string())); }

}  // namespace cohort::model
