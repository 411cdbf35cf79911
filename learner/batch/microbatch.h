// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_BATCH_MICROBATCH_H_
#define COHORT_LEARNER_BATCH_MICROBATCH_H_

// Torch-free. Shapes: P packed tokens (prompts and completions), T trained tokens (completions), S sequences, R packed
// runs of tokens: the sequences and the prompts that neighbours share.
#include <cstdint>
#include <vector>

#include "learner/batch/packer.h"
#include "learner/batch/train_sequence.h"

namespace cohort::learner {

// One forward and backward: whole sequences one behind the other without padding, and which rows are trained. A prompt
// that neighbours share stands once before them, as a run of its own that they continue.
struct Microbatch {
  std::vector<int32_t> token_ids;           // P
  std::vector<int32_t> cu_seqlens;          // R + 1 offsets into the packed tokens
  std::vector<int32_t> prefixes;            // R: the run with the shared prompt that it continues, or -1
  std::vector<int64_t> trained_rows;        // T: the packed row whose hidden state predicts the token, one before it
  std::vector<int32_t> targets;             // T
  std::vector<int64_t> trained_cu_seqlens;  // S + 1 offsets into the trained tokens
  std::vector<float> behavior_logprobs;     // T; empty for demonstrations
  SequenceRange sequences;                  // which they are in the list that was packed
};

struct PackingOptions {
  int64_t max_tokens = 0;  // of a microbatch
  // Neighbours share what they have in common of their prompts in multiples of this; 0: nothing. The last prompt token
  // is never shared, for the first completion token is predicted from its row.
  int64_t shared_block_tokens = 0;
};

// Sequences `range` of the list. Every sequence has a prompt token.
Microbatch BuildMicrobatch(const std::vector<TrainSequence>& sequences, const SequenceRange& range,
                           int64_t shared_block_tokens = 0);

// All microbatches of a list.
std::vector<Microbatch> BuildMicrobatches(const std::vector<TrainSequence>& sequences, const PackingOptions& options);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_BATCH_MICROBATCH_H_
