// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_MEMORY_ESTIMATE_H_
#define COHORT_MODEL_MEMORY_ESTIMATE_H_

// Torch-free. What a model costs in memory where it is trained and where it is sampled. All numbers are bytes unless
// they are named otherwise. Pure.
#include <cstdint>
#include <vector>

#include "model/architectures/parameter_spec.h"
#include "model/model_config.h"
#include "model/precision.h"

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

// Keys and values of one token in every layer.
int64_t KvBytesPerToken(const ModelConfig& config, Precision precision = Precision::kFp32);

// What a job asks of one learner rank.
struct LearnerLoad {
  int64_t microbatch_tokens = 8192;   // of one forward and backward pass
  bool has_reference = false;         // the objective has a KL penalty
  int64_t num_ranks = 1;              // that write a checkpoint together
  int64_t optimizer_shards = 1;       // ranks that share the optimizer's state (ZeRO-1, ZeRO-3)
  bool shards_layers = false;         // and the layers' weights and gradients (ZeRO-3)
  int64_t held_versions = 2;          // that rank 0 keeps for the workers: fixed_lag or max_lag + 2
  bool seals_while_training = false;  // checkpoints before the last step
  bool recomputes_activations = false;
  Precision precision = Precision::kFp32;
};

// One learner rank at the fullest moment of a train step: the tensors that live then, as the CPU's operators keep them
// (a GPU runs ATen's, which keep more). In bf16 activations and the reference policy take half; weights, their
// gradients, moments, logits and what attention widens for its backward pass are fp32 as ever. Ranks share groups and,
// with ZeRO-1 and ZeRO-3, parts of the state, so every rank has all of this; but `published`, which is shared memory of
// the host of rank 0, and `gathered_weights`, host memory of rank 0. `snapshot` and `gathered_optimizer` are host
// memory, of the parameters that one rank writes: an equal share of them, or the largest one.
struct LearnerMemory {
  // With ZeRO-3 the rank's share of the layers', and room for the layers that are whole for a while.
  int64_t weights = 0;
  int64_t gradients = 0;
  int64_t optimizer = 0;    // both moments of AdamW, or the rank's share of them
  int64_t reference = 0;    // the frozen policy; while it is loaded, twice that in bf16
  int64_t activations = 0;  // what a microbatch keeps for its backward pass; every token counts as trained
  int64_t backward = 0;  // what lives besides at the fullest moment of that pass, mostly logits and the head's gradient
  int64_t total = 0;     // of the above
  int64_t published = 0;
  int64_t snapshot = 0;  // copy of weights and moments, from which a checkpoint is written while training goes on
  int64_t gathered_optimizer = 0;  // sharded moments, with ZeRO-3 weights too, whole while a checkpoint is written
  int64_t gathered_weights = 0;    // those of all ranks with ZeRO-3, while a version is published
};

LearnerMemory EstimateLearnerMemory(const ModelConfig& config, const std::vector<ParameterSpec>& parameters,
                                    const LearnerLoad& load);

// Flags of one rollout worker.
struct WorkerLoad {
  int64_t kv_cache_tokens = 32768;
  int64_t max_sequences = 128;
  Precision precision = Precision::kFp32;  // of the job that it samples
};

// One rollout worker. It holds up to two policy versions, one of them draining, each with a cache of its own. In bf16
// weights and caches take half; a version that is fetched is fp32 until it was verified. Activations of a forward pass
// are not counted, nor what attention on a CPU widens of one layer's cache.
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
