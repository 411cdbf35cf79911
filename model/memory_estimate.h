// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_MEMORY_ESTIMATE_H_
#define COHORT_MODEL_MEMORY_ESTIMATE_H_

// Torch-free. What a model costs in memory where it is trained and where it is sampled. All numbers are bytes unless
// they are named otherwise. Pure.
#include <cstdint>
#include <vector>

#include "model/architectures/parameter_spec.h"
#include "model/model_config.h"

namespace cohort::model {

// Numbers, not bytes.
struct ParameterCounts {
  int64_t total = 0;
  int64_t embedding = 0;
  int64_t output_head = 0;  // 0 when it is the embedding
  int64_t per_layer = 0;    // of the first layer; all are alike
  int64_t other = 0;        // the final norm
};

ParameterCounts CountParameters(const std::vector<ParameterSpec>& parameters, int64_t num_layers);

// a * b of numbers that are not negative, at most 2^60: a hostile job or config must not make a sum overflow.
int64_t BoundedProduct(int64_t a, int64_t b);

// fp32 keys and values of one token in every layer.
int64_t KvBytesPerToken(const ModelConfig& config);

// What a job asks of one learner rank.
struct LearnerLoad {
  int64_t microbatch_tokens = 8192;   // of one forward and backward pass
  bool has_reference = false;         // the objective has a KL penalty
  int64_t optimizer_shards = 1;       // ranks that share the optimizer's state (ZeRO-1)
  int64_t held_versions = 2;          // that rank 0 keeps for the workers: fixed_lag or max_lag + 2
  bool seals_while_training = false;  // checkpoints before the last step
  bool recomputes_activations = false;
};

// One learner rank at the fullest moment of a train step: the tensors that live then, as the CPU's operators keep them
// (a GPU runs ATen's, which keep more). Ranks share groups and, with ZeRO-1, the optimizer's state, so every rank has
// all of this; but `published`, which is shared memory of the host of rank 0, and `snapshot` and `gathered_optimizer`,
// host memory of rank 0.
struct LearnerMemory {
  int64_t weights = 0;
  int64_t gradients = 0;
  int64_t optimizer = 0;    // both moments of AdamW, or the rank's share of them
  int64_t reference = 0;    // the frozen policy
  int64_t activations = 0;  // what a microbatch keeps for its backward pass; every token counts as trained
  int64_t backward = 0;  // what lives besides at the fullest moment of that pass, mostly logits and the head's gradient
  int64_t total = 0;     // of the above
  int64_t published = 0;
  int64_t snapshot = 0;  // copy of weights and moments, from which a checkpoint is written while training goes on
  int64_t gathered_optimizer = 0;  // sharded moments of all ranks, while a checkpoint is written
};

LearnerMemory EstimateLearnerMemory(const ModelConfig& config, const std::vector<ParameterSpec>& parameters,
                                    const LearnerLoad& load);

// Flags of one rollout worker.
struct WorkerLoad {
  int64_t kv_cache_tokens = 32768;
  int64_t max_sequences = 128;
};

// One rollout worker. It holds up to two policy versions, one of them draining, each with a cache of its own.
// Activations of a forward pass are not counted.
struct WorkerMemory {
  int64_t weights = 0;       // of one version
  int64_t kv_cache = 0;      // of one version
  int64_t logits = 0;        // of one step
  int64_t fetch_buffer = 0;  // host memory that a version is verified in
  int64_t total = 0;         // two versions and the rest
};

WorkerMemory EstimateWorkerMemory(const ModelConfig& config, const std::vector<ParameterSpec>& parameters,
                                  const WorkerLoad& load);

}  // namespace cohort::model

#endif  // COHORT_MODEL_MEMORY_ESTIMATE_H_
