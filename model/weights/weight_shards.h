// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHTS_WEIGHT_SHARDS_H_
#define COHORT_MODEL_WEIGHTS_WEIGHT_SHARDS_H_

// Torch-free. How tensors are spread over files, and what the index of Hugging Face says about it. Pure.
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cohort::model {

// Where each shard begins among tensors of these sizes, in their order: one ends where the next tensor would not fit,
// and a larger tensor has one of its own. One shard when there are no tensors.
std::vector<size_t> ShardStarts(const std::vector<int64_t>& sizes_bytes, int64_t max_shard_bytes);

// The least `max_shard_bytes` with which every tensor fits and ShardStarts gives at most `num_shards`: the size of the
// largest shard when neighbours are shared out as evenly as can be. 0 when there are no tensors.
int64_t LeastShardBytes(const std::vector<int64_t>& sizes_bytes, int64_t num_shards);

// The text of model.safetensors.index.json.
std::string WeightsIndexText(const std::map<std::string, std::string>& file_of_tensor, int64_t total_bytes);

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHTS_WEIGHT_SHARDS_H_
