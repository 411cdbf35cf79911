// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_KV_CACHE_H_
#define COHORT_MODEL_KV_CACHE_H_

// Shapes: L layers, B blocks, S tokens of a block, K key/value heads, H head dim.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/model_config.h"
#include "model/precision.h"

namespace cohort::model {

// Memory of cached keys and values in blocks of kBlockTokens tokens. Which block belongs to whom is the engine's
// business (rollout_worker/engine/block_allocator.h). Not thread-safe.
class KvCache final {
 public:
  // The attention operator reduces in blocks of this many keys: part of the numerics contract.
  static constexpr int64_t kBlockTokens = 16;

  // For a decoder of `precision`, on `device`. Throws what LibTorch throws when memory is short; call through
  // StatusFromTorch.
  KvCache(const ModelConfig& config, int64_t num_blocks, const at::Device& device,
          Precision precision = Precision::kFp32);

  int64_t num_blocks() const { return num_blocks_; }
  // [B, S, K, H], of ScalarTypeOf(precision)
  at::Tensor& keys(int64_t layer) { return keys_[layer]; }
  at::Tensor& values(int64_t layer) { return values_[layer]; }

 private:
  int64_t num_blocks_;
  std::vector<at::Tensor> keys_, values_;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_KV_CACHE_H_
