// SPDX-License-Identifier: Apache-2.0
#include "learner/batch/microbatch.h"

namespace cohort::learner {
namespace {

void Append(const TrainSequence& sequence, Microbatch* microbatch) {
  const int64_t offset = static_cast<int64_t>(microbatch->token_ids.size());
  const int64_t num_tokens = static_cast<int64_t>(sequence.token_ids.size());
  for (int64_t position = sequence.num_prompt_tokens; position < num_tokens; ++position) {
    microbatch->trained_rows.push_back(offset + position - 1);
    microbatch->targets.push_back(sequence.token_ids[position]);
  }
  microbatch->token_ids.insert(microbatch->token_ids.end(), sequence.token_ids.begin(), sequence.token_ids.end());
  microbatch->behavior_logprobs.insert(microbatch->behavior_logprobs.end(), sequence.behavior_logprobs.begin(),
                                       sequence.behavior_logprobs.end());
  microbatch->cu_seqlens.push_back(static_cast<int32_t>(microbatch->token_ids.size()));
  microbatch->trained_cu_seqlens.push_back(static_cast<int64_t>(microbatch->targets.size()));
}

}  // namespace

Microbatch BuildMicrobatch(const std::vector<TrainSequence>& sequences, const SequenceRange& range) {
  Microbatch microbatch;
  microbatch.cu_seqlens.push_back(0);
  microbatch.trained_cu_seqlens.push_back(0);
  microbatch.sequences = range;
  for (int64_t i = range.begin; i < range.end; ++i) Append(sequences[i], &microbatch);
  return microbatch;
}

std::vector<Microbatch> BuildMicrobatches(const std::vector<TrainSequence>& sequences, int64_t max_tokens) {
  std::vector<int64_t> lengths;
  lengths.reserve(sequences.size());
  for (const TrainSequence& sequence : sequences) lengths.push_back(static_cast<int64_t>(sequence.token_ids.size()));
  std::vector<Microbatch> microbatches;
  for (const SequenceRange& range : PackSequences(lengths, max_tokens)) {
    microbatches.push_back(BuildMicrobatch(sequences, range));
  }
  return microbatches;
}

}  // namespace cohort::learner
