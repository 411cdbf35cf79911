// SPDX-License-Identifier: Apache-2.0
#include "model/memory_estimate.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "model/weights/weight_shards.h"

namespace cohort::model {
namespace {

constexpr int64_t kFloatBytes = 4;
constexpr int64_t kBf16Bytes = 2;
// As allocated: learner/flat_parameters.h, learner/policy_pass.cc, model/kv_cache.h.
constexpr int64_t kFlatAlignment = 16;
constexpr int64_t kLogitRows = 1024;
constexpr int64_t kBlockTokens = 16;
// model/layers/gradient_products.cc: what one thread widens at once has so many rows and columns at most.
constexpr int64_t kWidenedAtOnce = 512;

int64_t BytesOf(Precision precision) { return precision == Precision::kBf16 ? kBf16Bytes : kFloatBytes; }

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

// The same of what one rank holds with ZeRO-3: of the layers its share, and room for two that are whole.
int64_t ShardedBytes(const std::vector<ParameterSpec>& parameters, int64_t num_ranks) {
  std::map<int64_t, int64_t> layers;
  int64_t count = 0;
  for (const ParameterSpec& parameter : parameters) {
    (parameter.layer >= 0 ? layers[parameter.layer] : count) += RoundUp(parameter.NumElements(), kFlatAlignment);
  }
  int64_t largest = 0;
  for (const auto& [layer, size] : layers) {
    const int64_t padded = RoundUp(size, kFlatAlignment * num_ranks);
    count += padded / num_ranks;
    largest = std::max(largest, padded);
  }
  return (count + 2 * largest) * kFloatBytes;
}

// One flat buffer of what the fullest rank writes of a checkpoint: whole neighbouring parameters, as few as can be
// (learner/checkpoint/checkpoint_plan.h).
int64_t WrittenBytes(const std::vector<ParameterSpec>& parameters, int64_t num_ranks) {
  std::vector<int64_t> sizes_bytes;
  for (const ParameterSpec& parameter : parameters) {
    sizes_bytes.push_back(RoundUp(parameter.NumElements(), kFlatAlignment) * kFloatBytes);
  }
  return LeastShardBytes(sizes_bytes, num_ranks);
}

// As model/decoder_rows.h pads them.
int64_t PaddedRows(int64_t tokens) { return tokens == 0 ? 0 : std::max<int64_t>(16, RoundUp(tokens, 8)); }

// Bytes per row.
struct RowBytes {
  int64_t kept;       // from a layer's forward to its backward pass
  int64_t behind;     // of them gone when the backward pass comes to attention
  int64_t attention;  // besides while that is there
};

// What a layer keeps (model/architectures/transformer_decoder.cc and what its operators save). An activation's number
// has `number_bytes`; statistics are fp32.
RowBytes LayerRowBytes(const ModelConfig& config, int64_t number_bytes) {
  const int64_t query = config.num_heads * config.head_dim;
  const int64_t key_value = config.num_kv_heads * config.head_dim;
  // Each of two norms: its input, its output, which is the input of the products behind it, and the deviation.
  int64_t numbers = 2 * (2 * config.hidden_size), statistics = 2;
  // Queries, keys and values as attention reads them, its output, and each head's maximum and sum of the scores.
  numbers += 2 * query + 2 * key_value;
  statistics += 2 * config.num_heads;
  if (config.has_qk_norm) {
    // The same before their norm, and the deviation of each head. A rotation without a norm keeps nothing.
    numbers += query + key_value;
    statistics += config.num_heads + config.num_kv_heads;
  }
  // Gate, up and what is made of them; with them go the input and the output of the norm before them.
  numbers += 3 * config.intermediate_size;
  const int64_t behind = 3 * config.intermediate_size + 2 * config.hidden_size;
  // Of bf16: the gradients of the layer's output so far and of attention's; what attention reads, widened, and the
  // gradients that it gives, in fp32 still.
  const int64_t attention = (config.hidden_size + query) * number_bytes + (4 * query + 4 * key_value) * kFloatBytes;
  return {numbers * number_bytes + statistics * kFloatBytes, behind * number_bytes, attention};
}

// The matrices of one layer.
int64_t LayerBytes(const ModelConfig& config) {
  const int64_t heads = (2 * config.num_heads + 2 * config.num_kv_heads) * config.head_dim;
  return config.hidden_size * (heads + 3 * config.intermediate_size) * kFloatBytes;
}

// What one thread widens of the operands of a product in the backward pass.
int64_t WidenedBytes(const ModelConfig& config, int64_t rows, Precision precision) {
  if (precision == Precision::kFp32) return 0;
  const int64_t depth = std::min(rows, kWidenedAtOnce), inputs = std::min(config.hidden_size, kWidenedAtOnce);
  return depth * (std::min(config.intermediate_size, kWidenedAtOnce) + inputs) * kFloatBytes;
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
//
// In bf16 the numbers of activations and of their gradients have 2 bytes; what every thread of a product widens is
// counted for one thread, and at its widest.
PassMemory EstimatePass(const ModelConfig& config, int64_t tokens, bool recomputes, Precision precision) {
  if (tokens == 0) return {};  // a rank without sequences
  const int64_t rows = PaddedRows(tokens), number_bytes = BytesOf(precision);
  const auto bytes = [rows](int64_t bytes_per_row) { return BoundedProduct(rows, bytes_per_row); };
  const int64_t hidden = config.hidden_size * number_bytes, intermediate = config.intermediate_size * number_bytes;
  const int64_t head_bytes = config.vocab_size * config.hidden_size * kFloatBytes;
  // A tied head's gradient waits for the embedding's: autograd adds both to the buffer at once.
  const int64_t waiting_bytes = config.tie_word_embeddings ? head_bytes : 0;
  // What all layers share: angles, and the token's id and position in 64 bits.
  const int64_t shared = (config.head_dim + 4) * kFloatBytes;
  const RowBytes layer = LayerRowBytes(config, number_bytes);
  const int64_t layers = config.num_layers * (recomputes ? hidden : layer.kept) + shared;
  const int64_t in_turn = recomputes ? layer.kept : 0;
  const int64_t down_bytes = config.hidden_size * config.intermediate_size * kFloatBytes;
  const int64_t widened_bytes = WidenedBytes(config, rows, precision);
  // The last norm's input and deviation; the trained rows of its output, their targets in 64 bits, log-probs,
  // entropies.
  const int64_t behind_layers = 2 * hidden + 5 * kFloatBytes;
  PassMemory pass;
  pass.kept = bytes(layers + behind_layers);
  // The head: a chunk of logits, the gradients of the log-probs, of the trained rows and of the output projection.
  const int64_t logits_bytes = std::min(kLogitRows, rows) * config.vocab_size * kFloatBytes;
  const int64_t at_head =
      bytes(layers + behind_layers + hidden + kFloatBytes) + logits_bytes + head_bytes + widened_bytes;
  // The last layer's down projection: the gradients of its output, of its input and of its weight.
  const int64_t at_down = bytes(layers + in_turn + hidden + intermediate) + waiting_bytes + down_bytes + widened_bytes;
  // Then SwiGLU: the gradients of the layer's output, of what SwiGLU made, which is gone itself, of gate and of up.
  const int64_t at_swiglu =
      bytes(layers + in_turn + hidden + 2 * intermediate) + waiting_bytes + (recomputes ? down_bytes : 0);
  // Then attention, when all behind it is done. In fp32, which it need not widen, there is less than before.
  const int64_t at_attention = precision == Precision::kFp32
                                   ? 0
                                   : bytes(layers + in_turn - layer.behind + layer.attention) + waiting_bytes +
                                         (recomputes ? LayerBytes(config) : 0);
  // The end of a turn: the gradients of the layer's output, of its input and of its parameters.
  const int64_t at_end = recomputes ? bytes(layers + 3 * hidden) + waiting_bytes + LayerBytes(config) : 0;
  // The embedding: its gradient, of its size, from that of its output.
  const int64_t in_bf16 = precision == Precision::kBf16 ? hidden : 0;  // beside its copy in fp32
  const int64_t at_embedding = bytes(config.hidden_size * kFloatBytes + in_bf16 + shared) + waiting_bytes + head_bytes;
  pass.fullest = std::max({at_head, at_down, at_swiglu, at_attention, at_end, at_embedding});
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

int64_t KvBytesPerToken(const ModelConfig& config, Precision precision) {
  return 2 * config.num_layers * config.num_kv_heads * config.head_dim * BytesOf(precision);
}

LearnerMemory EstimateLearnerMemory(const ModelConfig& config, const std::vector<ParameterSpec>& parameters,
                                    const LearnerLoad& load) {
  LearnerMemory memory;
  const int64_t all_weights = FlatBytes(parameters);
  memory.weights = load.shards_layers ? ShardedBytes(parameters, load.optimizer_shards) : all_weights;
  memory.gradients = memory.weights;
  memory.optimizer = RoundUp(2 * all_weights, load.optimizer_shards) / load.optimizer_shards;
  // What a rank writes of a checkpoint, where it is spread over the ranks.
  const int64_t written = WrittenBytes(parameters, load.num_ranks);
  if (load.optimizer_shards > 1) memory.gathered_optimizer = (load.shards_layers ? 3 : 2) * written;
  memory.gathered_weights = load.shards_layers ? all_weights : 0;
  // Frozen weights are rounded at once, but for pieces of layers.
  const int64_t frozen = ParameterBytes(parameters) / kFloatBytes * BytesOf(load.precision);
  if (load.has_reference) memory.reference = load.shards_layers ? memory.weights : frozen;
  const PassMemory pass = EstimatePass(config, load.microbatch_tokens, load.recomputes_activations, load.precision);
  memory.activations = pass.kept;
  memory.backward = pass.fullest - pass.kept;
  memory.total = memory.weights + memory.gradients + memory.optimizer + memory.reference + pass.fullest;
  memory.published = BoundedProduct(load.held_versions, ParameterBytes(parameters));
  memory.snapshot = load.seals_while_training ? 3 * written : 0;
  return memory;
}

WorkerMemory EstimateWorkerMemory(const ModelConfig& config, const std::vector<ParameterSpec>& parameters,
                                  const WorkerLoad& load) {
  WorkerMemory memory;
  memory.weights = ParameterBytes(parameters) / kFloatBytes * BytesOf(load.precision);
  memory.kv_cache =
      BoundedProduct(RoundUp(load.kv_cache_tokens, kBlockTokens), KvBytesPerToken(config, load.precision));
  memory.logits = load.max_sequences * config.vocab_size * kFloatBytes;
  memory.fetch_buffer = ParameterBytes(parameters);
  memory.total = 2 * (memory.weights + memory.kv_cache) + memory.logits + memory.fetch_buffer;
  return memory;
}

}  // namespace cohort::model
