// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/completion_text.h"

#include <vector>

namespace cohort::rollout_worker {
namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";

// A character may span tokens, so what lies between unknown ids is decoded together.
std::string DecodeAroundUnknown(const std::vector<int32_t>& token_ids, const model::Tokenizer& tokenizer) {
  std::string text;
  std::vector<int32_t> known;
  const auto flush = [&] {
    text += tokenizer.Decode(known).value_or("");
    known.clear();
  };
  for (const int32_t id : token_ids) {
    if (tokenizer.Decode({id}).ok()) {
      known.push_back(id);
      continue;
    }
    flush();
    text += kReplacement;
  }
  flush();
  return text;
}

}  // namespace

std::string CompletionText(const Sequence& sequence, const model::Tokenizer& tokenizer) {
  std::vector<int32_t> token_ids = sequence.token_ids;
  if (sequence.finish_reason == cohort::v1::FINISH_REASON_EOS) token_ids.pop_back();
  absl::StatusOr<std::string> text = tokenizer.Decode(token_ids);
  return text.ok() ? *std::move(text) : DecodeAroundUnknown(token_ids, tokenizer);
}

}  // namespace cohort::rollout_worker
