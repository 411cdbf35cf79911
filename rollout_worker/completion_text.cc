// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/completion_text.h"

#include <cstdint>
#include <vector>

namespace cohort::rollout_worker {

std::string CompletionText(const Sequence& sequence, const model::Tokenizer& tokenizer) {
  std::vector<int32_t> token_ids = sequence.token_ids;
  if (sequence.finish_reason == cohort::v1::FINISH_REASON_EOS) token_ids.pop_back();
  // Only a negative id could fail, and the engine draws none.
  return tokenizer.Decode(token_ids).value_or(std::string());
}

}  // namespace cohort::rollout_worker
