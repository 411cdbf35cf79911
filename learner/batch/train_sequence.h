// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_BATCH_TRAIN_SEQUENCE_H_
#define COHORT_LEARNER_BATCH_TRAIN_SEQUENCE_H_

// Torch-free.
#include <cstdint>
#include <string>
#include <vector>

#include "objective/sequence_layout.h"

namespace cohort::learner {

// One prompt with the completion that is trained on it.
struct TrainSequence {
  std::string label;                     // for messages: "group 12 sibling 3", "problem 7"
  std::vector<int32_t> token_ids;        // prompt, then completion
  int64_t num_prompt_tokens = 0;         // at least 1: the first token has nothing to be predicted from
  std::vector<float> behavior_logprobs;  // one per completion token; empty for demonstrations
  int64_t group = 0;                     // index of its group in the update, over all ranks
  double advantage = 0;
  bool is_truncated = false;         // met the length limit before EOS
  objective::SequenceLayout layout;  // segments and per-token credit, where the objective has them

  int64_t num_completion_tokens() const { return static_cast<int64_t>(token_ids.size()) - num_prompt_tokens; }
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_BATCH_TRAIN_SEQUENCE_H_
