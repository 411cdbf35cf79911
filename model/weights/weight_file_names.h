// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHTS_WEIGHT_FILE_NAMES_H_
#define COHORT_MODEL_WEIGHTS_WEIGHT_FILE_NAMES_H_

// Torch-free. What Hugging Face calls the files that hold a model's weights. Pure.
#include <cstdint>
#include <string>
#include <string_view>

namespace cohort::model {

inline constexpr char kWeightsFile[] = "model.safetensors";
inline constexpr char kWeightsIndexFile[] = "model.safetensors.index.json";

// "model-00001-of-00003.safetensors"; `shard` counts from 1.
std::string ShardFileName(int64_t shard, int64_t num_shards);

// Whether a name is one of a shard, of whatever number.
bool IsShardFileName(std::string_view name);

// One of the three.
bool IsWeightFileName(std::string_view name);

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHTS_WEIGHT_FILE_NAMES_H_
