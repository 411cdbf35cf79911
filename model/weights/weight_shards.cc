// SPDX-License-Identifier: Apache-2.0
#include "model/weights/weight_shards.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace cohort::model {

std::vector<size_t> ShardStarts(const std::vector<int64_t>& sizes_bytes, int64_t max_shard_bytes) {
  std::vector<size_t> starts = {0};
  int64_t shard_bytes = 0;
  for (size_t i = 0; i < sizes_bytes.size(); ++i) {
    if (i > starts.back() && sizes_bytes[i] > max_shard_bytes - shard_bytes) {
      starts.push_back(i);
      shard_bytes = 0;
    }
    shard_bytes += sizes_bytes[i];
  }
  return starts;
}

int64_t LeastShardBytes(const std::vector<int64_t>& sizes_bytes, int64_t num_shards) {
  int64_t too_small = 0, enough = 0;
  for (const int64_t size_bytes : sizes_bytes) {
    too_small = std::max(too_small, size_bytes - 1);
    enough += size_bytes;
  }
  while (enough - too_small > 1) {
    const int64_t middle = too_small + (enough - too_small) / 2;
    const bool fits = static_cast<int64_t>(ShardStarts(sizes_bytes, middle).size()) <= num_shards;
    (fits ? enough : too_small) = middle;
  }
  return enough;
}

std::string WeightsIndexText(const std::map<std::string, std::string>& file_of_tensor, int64_t total_bytes) {
  const nlohmann::json index = {{"metadata", {{"total_size", total_bytes}}}, {"weight_map", file_of_tensor}};
  return index.dump(2) + "\n";
}

}  // namespace cohort::model
