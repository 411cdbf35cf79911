// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_TESTING_RAGGED_STEP_H_
#define COHORT_LEARNER_TESTING_RAGGED_STEP_H_

// What benchmarks of the train step train, torch-free: a model of 5.2 M parameters, and groups whose completions have
// log-normal lengths (sigma 0.8, none above four times the mean).
#include <cstdint>
#include <vector>

#include "learner/batch/train_sequence.h"
#include "learner/step_data.h"
#include "model/model_config.h"

namespace cohort::learner {

// Of one update.
struct RaggedShape {
  int64_t num_groups = 3;
  int64_t group_size = 8;
  int64_t least_prompt_tokens = 16, most_prompt_tokens = 48;
  double mean_completion_tokens = 96;  // of the distribution, before it is cut off at
  int64_t most_completion_tokens = 384;
};

// A Qwen3 with tied embeddings.
model::ModelConfig RaggedStepConfig();

// One update; siblings share their prompt. A pure function of vocabulary, shape and the C++ library's distributions.
// Log-probs of the sampler are those of a uniform policy, so that the importance ratios of random weights spread around
// 1 and some are clipped; advantages do not add up to 0, so that the loss is not near 0 by cancellation.
StepData MakeRaggedStep(const model::ModelConfig& config, const RaggedShape& shape = {});

// Prompts and completions. Pure.
int64_t NumTokens(const std::vector<TrainSequence>& sequences);

// Floating-point operations of the matrix products that a train step cannot do without: forward and two backward for
// each token, the head's for trained tokens alone, attention's for the pairs that a causal mask leaves. Pure.
double StepFlops(const model::ModelConfig& config, const std::vector<TrainSequence>& sequences);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_TESTING_RAGGED_STEP_H_
