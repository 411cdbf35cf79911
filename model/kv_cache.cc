// SPDX-License-Identifier: Apache-2.0
#include "model/kv_cache.h"

#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "model/scalar_type.h"

namespace cohort::model {

KvCache::KvCache(const ModelConfig& config, int64_t num_blocks, const at::Device& device, Precision precision)
    : num_blocks_(num_blocks) {
  const auto options = at::TensorOptions().dtype(ScalarTypeOf(precision)).device(device);
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    keys_.push_back(at::zeros({num_blocks, kBlockTokens, config.num_kv_heads, config.head_dim}, options));
    values_.push_back(at::zeros_like(keys_.back()));
  }
}

}  // namespace cohort::model
