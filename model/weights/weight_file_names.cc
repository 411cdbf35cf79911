// SPDX-License-Identifier: Apache-2.0
#include "model/weights/weight_file_names.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace cohort::model {
namespace {

// Takes `prefix` off the front of `text`.
bool Consume(std::string_view prefix, std::string_view* text) {
  if (text->substr(0, prefix.size()) != prefix) return false;
  text->remove_prefix(prefix.size());
  return true;
}

// Takes at least five digits off the front.
bool ConsumeNumber(std::string_view* text) {
  const auto end = std::find_if(text->begin(), text->end(), [](char c) { return c < '0' || c > '9'; });
  const auto count = static_cast<size_t>(end - text->begin());
  text->remove_prefix(count);
  return count >= 5;
}

}  // namespace

std::string ShardFileName(int64_t shard, int64_t num_shards) {
  return absl::StrFormat("model-%05d-of-%05d.safetensors", shard, num_shards);
}

bool IsShardFileName(std::string_view name) {
  return Consume("model-", &name) && ConsumeNumber(&name) && Consume("-of-", &name) && ConsumeNumber(&name) &&
         name == ".safetensors";
}

bool IsWeightFileName(std::string_view name) {
  return name == kWeightsFile || name == kWeightsIndexFile || IsShardFileName(name);
}

}  // namespace cohort::model
