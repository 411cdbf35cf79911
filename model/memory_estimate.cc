// SPDX-License-Identifier: Apache-2.0
#include "model/memory_estimate.h"

#include <algorithm>
#include <string_view>

namespace cohort::model {
namespace {

constexpr int64_t kFloatBytes = 4;
// As allocated: learner/flat_parameters.h, learner/policy_pass.cc, model/kv_cache.h.
constexpr int64_t kFlatAlignment = 16;
constexpr int64_t kLogitRows = 1024;
constexpr int64_t kBlockTokens = 16;

int64_t RoundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

int64_t ParameterBytes(const std::vector<ParameterSpec>& parameters) {
  int64_t count = 0;
  for (const ParameterSpec& parameter : parameters) count += parameter.NumElements();
  return count * kFloatBytes;
}

// One flat buffer of the learner.
int64_t FlatBytes(const std::vector<ParameterSpec>& parameters) {
  int64_t count = 0;
  for (const ParameterSpec& parameter : parameters) count += RoundUp(parameter.NumElements(), kFlatAlignment);
  return count * kFloatBytes;
}

// Numbers per token that a layer's operators keep for the backward pass: the inputs of both norms and what comes out of
// them; queries and keys before and after rotation, values, and attention's output with two numbers a head; gate, up
// and their product.
int64_t KeptPerToken(const ModelConfig& config) {
  const int64_t query = config.num_heads * config.head_dim;
  const int64_t key_value = config.num_kv_heads * config.head_dim;
  return 4 * config.hidden_size + 3 * query + 3 * key_value + 2 * config.num_heads + 3 * config.intermediate_size;
}

}  // namespace

ParameterCounts CountParameters(const std::vector<ParameterSpec>& parameters, int64_t num_layers) {
  ParameterCounts counts;
  for (const ParameterSpec& parameter : parameters) {
    const std::string_view name = parameter.name;
    const int64_t count = parameter.NumElements();
    counts.total += count;
    if (name == "model.embed_tokens.weight") counts.embedding += count;
    if (name == "lm_head.weight") counts.output_head += count;
    if (name.substr(0, 15) == "model.layers.0.") counts.per_layer += count;
  }
  counts.other = counts.total - counts.embedding - counts.output_head - num_layers * counts.per_layer;
  return counts;
}

int64_t BoundedProduct(int64_t a, int64_t b) {
  constexpr int64_t kMost = int64_t{1} << 60;
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? kMost : std::min(product, kMost);
}

int64_t KvBytesPerToken(const ModelConfig& config) {
  return 2 * config.num_layers * config.num_kv_heads * config.head_dim * kFloatBytes;
}

LearnerMemory EstimateLearnerMemory(const ModelConfig& config, const std::vector<ParameterSpec>& parameters,
                                    const LearnerLoad& load) {
  LearnerMemory memory;
  memory.weights = FlatBytes(parameters);
  memory.gradients = memory.weights;
  memory.optimizer = RoundUp(2 * memory.weights, load.optimizer_shards) / load.optimizer_shards;
  memory.gathered_optimizer = load.optimizer_shards > 1 ? 2 * memory.weights : 0;
  memory.reference = load.has_reference ? ParameterBytes(parameters) : 0;
  memory.logits_chunk = kLogitRows * config.vocab_size * kFloatBytes;
  memory.head_gradient = config.vocab_size * config.hidden_size * kFloatBytes;
  // After the layers: the input of the last norm, its output, and the rows of it that are trained.
  const int64_t kept_per_token = config.num_layers * KeptPerToken(config) + 3 * config.hidden_size;
  memory.activations = BoundedProduct(load.microbatch_tokens, kept_per_token * kFloatBytes);
  memory.total = memory.weights + memory.gradients + memory.optimizer + memory.reference + memory.logits_chunk +
                 memory.head_gradient + memory.activations;
  memory.published = BoundedProduct(load.held_versions, ParameterBytes(parameters));
  memory.snapshot = load.seals_while_training ? 3 * memory.weights : 0;
  return memory;
}

WorkerMemory EstimateWorkerMemory(const ModelConfig& config, const std::vector<ParameterSpec>& parameters,
                                  const WorkerLoad& load) {
  WorkerMemory memory;
  memory.weights = ParameterBytes(parameters);
  memory.kv_cache = BoundedProduct(RoundUp(load.kv_cache_tokens, kBlockTokens), KvBytesPerToken(config));
  memory.logits = load.max_sequences * config.vocab_size * kFloatBytes;
  memory.fetch_buffer = memory.weights;
  memory.total = 2 * (memory.weights + memory.kv_cache) + memory.logits + memory.fetch_buffer;
  return memory;
}

}  // namespace cohort::model
