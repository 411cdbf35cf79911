// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_DECODER_H_
#define COHORT_MODEL_DECODER_H_

// Shapes: T packed tokens, D hidden size, V vocabulary, N query heads, K key/value heads, H head dim, L layers.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "model/kv_cache.h"
#include "model/layer_source.h"
#include "model/model_config.h"
#include "model/parameter_map.h"
#include "model/precision.h"

namespace cohort::model {

// Whole sequences one behind the other, no padding. A sequence may continue an earlier one, its prefix, whose rows are
// then computed once for all that continue it: its positions go on behind the prefix's, and its rows see the prefix's
// keys, with the bits that they have behind a repeated prefix on CPU. A prefix is a multiple of
// KvCache::kBlockTokens tokens and has no prefix itself.
struct PackedBatch {
  std::vector<int32_t> token_ids;   // T
  std::vector<int32_t> cu_seqlens;  // sequences + 1 offsets, first 0, last T; positions restart at each without prefix
  std::vector<int32_t> prefixes;    // per sequence: the one that it continues, or -1; empty: none
};

// How a training pass is made; no option changes a bit of hidden states and gradients.
struct PackedPass {
  // A layer keeps its input for the backward pass and computes the rest again there. The decoder must outlive that.
  bool recompute_activations = false;
};

// Rows to be computed against cached keys: any mix of prompt chunks and single decode tokens.
struct PagedBatch {
  std::vector<int32_t> token_ids;  // T
  std::vector<int32_t> positions;  // T, position of the row in its sequence
  std::vector<int32_t> sequences;  // T, index into block_tables; rows of one sequence are in rising position
  // Per sequence: ids of the KV blocks of its tokens. Every row's keys 0..position-1 are cached or in this batch.
  std::vector<std::vector<int32_t>> block_tables;
};

struct DecoderOptions {
  Precision precision = Precision::kFp32;
  // Where the parameters of the layers come from; null: from the parameter map. Must outlive the decoder.
  LayerSource* layers = nullptr;
};

// The one definition of the model: the training pass and the cached pass run the same operators with the same reduction
// orders, so that a row's hidden state is bit-equal in both on CPU, in either precision (docs/numerics.md). Rows are
// padded to a multiple of 8, 16 at least, inside. Thread-compatible: one thread at a time per KvCache.
class Decoder {
 public:
  // Takes the parameters as they are (same tensors, so an optimizer may update them in place); with a source of layers
  // those that belong to no layer. They are fp32, with Precision::kBf16 fp32 or bf16: rounded where they are used or
  // before, which gives the same bits. INVALID_ARGUMENT names a missing or surplus parameter or a wrong shape. Chooses
  // the architecture by config.architecture.
  static absl::StatusOr<std::unique_ptr<Decoder>> Create(const ModelConfig& config, ParameterMap parameters,
                                                         const DecoderOptions& options = {});
  virtual ~Decoder() = default;

  // Final hidden states [T, D], after the last norm; differentiable in the parameters when they require gradients.
  virtual absl::StatusOr<at::Tensor> ForwardPacked(const PackedBatch& batch, const PackedPass& pass) const = 0;
  absl::StatusOr<at::Tensor> ForwardPacked(const PackedBatch& batch) const { return ForwardPacked(batch, {}); }
  // The same without gradients, reading and writing `cache`.
  virtual absl::StatusOr<at::Tensor> ForwardPaged(const PagedBatch& batch, KvCache* cache) const = 0;
  // [V, D]: the embedding when tied.
  virtual at::Tensor OutputWeight() const = 0;
  virtual const ModelConfig& config() const = 0;
  // Hidden states and what ForwardPaged reads and writes in the cache are of ScalarTypeOf(precision()).
  virtual Precision precision() const = 0;
  virtual const ParameterMap& parameters() const = 0;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_DECODER_H_
