// SPDX-License-Identifier: Apache-2.0
#include "learner/batch/microbatch.h"

#include <algorithm>

namespace cohort::learner {
namespace {

constexpr int32_t kNoPrefix = -1;

// Of a prompt, whoever else has it.
int64_t ShareableTokens(const TrainSequence& sequence, int64_t block_tokens) {
  return block_tokens == 0 ? 0 : (sequence.num_prompt_tokens - 1) / block_tokens * block_tokens;
}

// First tokens that sequence i shares with the one before it: all that both could, or none.
int64_t SharedTokens(const std::vector<TrainSequence>& sequences, int64_t i, int64_t block_tokens) {
  if (i == 0) return 0;
  const TrainSequence &before = sequences[i - 1], &sequence = sequences[i];
  const int64_t tokens = ShareableTokens(sequence, block_tokens);
  if (tokens != ShareableTokens(before, block_tokens)) return 0;
  return std::equal(sequence.token_ids.begin(), sequence.token_ids.begin() + tokens, before.token_ids.begin()) ? tokens
                                                                                                               : 0;
}

// The sequence's tokens from `first_token` up to `end_token`, as a run.
void AppendRun(const TrainSequence& sequence, int64_t first_token, int64_t end_token, int32_t prefix,
               Microbatch* microbatch) {
  microbatch->token_ids.insert(microbatch->token_ids.end(), sequence.token_ids.begin() + first_token,
                               sequence.token_ids.begin() + end_token);
  microbatch->cu_seqlens.push_back(static_cast<int32_t>(microbatch->token_ids.size()));
  microbatch->prefixes.push_back(prefix);
}

// Without its first `shared_tokens` tokens, which are those of the run `prefix`.
void AppendSequence(const TrainSequence& sequence, int64_t shared_tokens, int32_t prefix, Microbatch* microbatch) {
  const int64_t offset = static_cast<int64_t>(microbatch->token_ids.size()) - shared_tokens;
  const int64_t num_tokens = static_cast<int64_t>(sequence.token_ids.size());
  for (int64_t position = sequence.num_prompt_tokens; position < num_tokens; ++position) {
    microbatch->trained_rows.push_back(offset + position - 1);
    microbatch->targets.push_back(sequence.token_ids[position]);
  }
  AppendRun(sequence, shared_tokens, num_tokens, prefix, microbatch);
  microbatch->behavior_logprobs.insert(microbatch->behavior_logprobs.end(), sequence.behavior_logprobs.begin(),
                                       sequence.behavior_logprobs.end());
  microbatch->trained_cu_seqlens.push_back(static_cast<int64_t>(microbatch->targets.size()));
}

}  // namespace

Microbatch BuildMicrobatch(const std::vector<TrainSequence>& sequences, const SequenceRange& range,
                           int64_t shared_block_tokens) {
  Microbatch microbatch;
  microbatch.cu_seqlens.push_back(0);
  microbatch.trained_cu_seqlens.push_back(0);
  microbatch.sequences = range;
  for (int64_t i = range.begin, end = i; i < range.end; i = end) {
    for (end = i + 1; end < range.end && SharedTokens(sequences, end, shared_block_tokens) > 0; ++end) {
    }
    const bool is_shared = end - i > 1;
    const int64_t shared_tokens = is_shared ? ShareableTokens(sequences[i], shared_block_tokens) : 0;
    const int32_t prefix = is_shared ? static_cast<int32_t>(microbatch.prefixes.size()) : kNoPrefix;
    if (is_shared) AppendRun(sequences[i], 0, shared_tokens, kNoPrefix, &microbatch);
    for (int64_t s = i; s < end; ++s) AppendSequence(sequences[s], shared_tokens, prefix, &microbatch);
  }
  return microbatch;
}

std::vector<Microbatch> BuildMicrobatches(const std::vector<TrainSequence>& sequences, const PackingOptions& options) {
  std::vector<SequenceLength> lengths;
  lengths.reserve(sequences.size());
  for (size_t i = 0; i < sequences.size(); ++i) {
    lengths.push_back({.tokens = static_cast<int64_t>(sequences[i].token_ids.size()),
                       .shared_tokens = SharedTokens(sequences, static_cast<int64_t>(i), options.shared_block_tokens)});
  }
  std::vector<Microbatch> microbatches;
  for (const SequenceRange& range : PackSequences(lengths, options.max_tokens)) {
    microbatches.push_back(BuildMicrobatch(sequences, range, options.shared_block_tokens));
  }
  return microbatches;
}

}  // namespace cohort::learner
