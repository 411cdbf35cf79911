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

// As model/decoder_rows.h pads them.
int64_t PaddedRows(int64_t tokens) { return tokens == 0 ? 0 : std::max<int64_t>(16, RoundUp(tokens, 8)); }

// Numbers per row that a layer keeps from its forward to its backward pass (model/architectures/transformer_decoder.cc
// and what its operators save).
int64_t KeptPerToken(const ModelConfig& config) {
  const int64_t query = config.num_heads * config.head_dim;
  const int64_t key_value = config.num_kv_heads * config.head_dim;
  // Each of two norms: its input, its output, which is the input of the products behind it, and the deviation.
  const int64_t norms = 2 * (2 * config.hidden_size + 1);
  // Queries, keys and values as attention reads them, its output, and each head's maximum and sum of the scores.
  int64_t attention = 2 * query + 2 * key_value + 2 * config.num_heads;
  // The same before their norm, and the deviation of each head. A rotation without a norm keeps nothing.
  if (config.has_qk_norm) attention += query + key_value + config.num_heads + config.num_kv_heads;
  // Gate, up and what is made of them.
  return norms + attention + 3 * config.intermediate_size;
}

// The matrices of one layer.
int64_t LayerBytes(const ModelConfig& config) {
  const int64_t heads = (2 * config.num_heads + 2 * config.num_kv_heads) * config.head_dim;
  return config.hidden_size * (heads + 3 * config.intermediate_size) * kFloatBytes;
}

// The forward and backward pass over one microbatch, beside the buffers that outlive it.
struct PassMemory {
  int64_t kept = 0;     // when the forward pass is over
  int64_t fullest = 0;  // at the moment of the backward pass at which most lives
};

// Every moment counts what is kept still and the gradients under way. Without recomputation, from the last layer down
// there is less with every layer, since what a layer has kept goes as its operators are done. That holds for attention
// too, whose scratch (kernels/attention_backward.cc) is therefore not at the peak. Not counted, since it is below 1 %:
// what the objective reads of a step's tokens, sums of the norms' gradients, copies of 2^18 numbers in the optimizer,
// the table of angles.
//
// Layers that are computed again keep their inputs alone. In the turn of one, what it keeps lives besides (its own
// input is counted already, its output is not), and the gradients of its parameters, which are handed on together.
PassMemory EstimatePass(const ModelConfig& config, int64_t tokens, bool recomputes) {
  if (tokens == 0) return {};  // a rank without sequences
  const int64_t rows = PaddedRows(tokens);
  const auto bytes = [rows](int64_t numbers_per_row) { return BoundedProduct(rows, numbers_per_row * kFloatBytes); };
  const int64_t hidden = config.hidden_size, intermediate = config.intermediate_size;
  const int64_t head_bytes = config.vocab_size * hidden * kFloatBytes;
  // A tied head's gradient waits for the embedding's: autograd adds both to the buffer at once.
  const int64_t waiting_bytes = config.tie_word_embeddings ? head_bytes : 0;
  // What all layers share: angles, and the token's id and position in 64 bits.
  const int64_t shared = config.head_dim + 4;
  const int64_t layers = config.num_layers * (recomputes ? hidden : KeptPerToken(config)) + shared;
  const int64_t in_turn = recomputes ? KeptPerToken(config) : 0;
  const int64_t down_bytes = hidden * intermediate * kFloatBytes;
  // The last norm's input and deviation; the trained rows of its output, their targets in 64 bits, log-probs,
  // entropies.
  const int64_t behind_layers = 2 * hidden + 5;
  PassMemory pass;
  pass.kept = bytes(layers + behind_layers);
  // The head: a chunk of logits, the gradients of the log-probs, of the trained rows and of the output projection.
  const int64_t logits_bytes = std::min(kLogitRows, rows) * config.vocab_size * kFloatBytes;
  const int64_t at_head = bytes(layers + behind_layers + hidden + 1) + logits_bytes + head_bytes;
  // The last layer's down projection: the gradients of its output, of its input and of its weight.
  const int64_t at_down = bytes(layers + in_turn + hidden + intermediate) + waiting_bytes + down_bytes;
  // Then SwiGLU: the gradients of the layer's output, of what SwiGLU made, which is gone itself, of gate and of up.
  const int64_t at_swiglu =
      bytes(layers + in_turn + hidden + 2 * intermediate) + waiting_bytes + (recomputes ? down_bytes : 0);
  // The end of a turn: the gradients of the layer's output, of its input and of its parameters.
  const int64_t at_end = recomputes ? bytes(layers + 3 * hidden) + waiting_bytes + LayerBytes(config) : 0;
  // The embedding: its gradient, of its size, from that of its output.
  const int64_t at_embedding = bytes(hidden + shared) + waiting_bytes + head_bytes;
  pass.fullest = std::max({at_head, at_down, at_swiglu, at_end, at_embedding});
  return pass;
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
  const PassMemory pass = EstimatePass(config, load.microbatch_tokens, load.recomputes_activations);
  memory.activations = pass.kept;
  memory.backward = pass.fullest - pass.kept;
  memory.total = memory.weights + memory.gradients + memory.optimizer + memory.reference + pass.fullest;
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
