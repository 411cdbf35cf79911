// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/checkpoint_plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/weights/weight_file_names.h"
#include "model/weights/weight_shards.h"

namespace cohort::learner {
namespace {

constexpr int64_t kNumberBytes = 4;  // fp32
constexpr char kOptimizerFile[] = "optimizer.safetensors";
constexpr char kOptimizerShardPrefix[] = "optimizer-";

// As the shards of weights are called.
std::string OptimizerShardName(int64_t shard, int64_t num_shards) {
  return absl::StrFormat("%s%05d-of-%05d.safetensors", kOptimizerShardPrefix, shard, num_shards);
}

std::vector<int64_t> SizesBytes(const FlatLayout& layout, const SpanRange& spans) {
  std::vector<int64_t> sizes_bytes;
  for (size_t i = 0; i < spans.count; ++i) sizes_bytes.push_back(layout.spans[spans.first + i].size * kNumberBytes);
  return sizes_bytes;
}

// `spans` in order, each piece as much as fits; none of none.
std::vector<SpanRange> Cut(const FlatLayout& layout, const SpanRange& spans, int64_t max_bytes) {
  if (spans.count == 0) return {};
  std::vector<size_t> starts = model::ShardStarts(SizesBytes(layout, spans), max_bytes);
  starts.push_back(spans.count);
  std::vector<SpanRange> pieces;
  for (size_t i = 0; i + 1 < starts.size(); ++i) {
    pieces.push_back({.first = spans.first + starts[i], .count = starts[i + 1] - starts[i]});
  }
  return pieces;
}

// One for each of so many ranks; those behind the last parameter are empty.
std::vector<SpanRange> BalancedRanges(const FlatLayout& layout, int num_ranks) {
  const SpanRange all = {.first = 0, .count = layout.spans.size()};
  std::vector<SpanRange> ranges = Cut(layout, all, model::LeastShardBytes(SizesBytes(layout, all), num_ranks));
  ranges.resize(static_cast<size_t>(num_ranks), {.first = layout.spans.size(), .count = 0});
  return ranges;
}

// Without names.
std::vector<PlannedFile> CutIntoFiles(const FlatLayout& layout, const SpanRange& spans, int64_t max_shard_bytes) {
  std::vector<PlannedFile> files;
  for (const SpanRange& piece : Cut(layout, spans, max_shard_bytes)) files.push_back({.spans = piece});
  return files;
}

std::string IndexOf(const FlatLayout& layout, const std::vector<PlannedPart>& parts) {
  int64_t total_bytes = 0;
  std::map<std::string, std::string> file_of_tensor;
  for (const PlannedPart& part : parts) {
    for (const PlannedFile& file : part.weights) {
      for (size_t i = file.spans.first; i < file.spans.first + file.spans.count; ++i) {
        file_of_tensor[layout.spans[i].name] = file.name;
        total_bytes += layout.spans[i].size * kNumberBytes;
      }
    }
  }
  return model::WeightsIndexText(file_of_tensor, total_bytes);
}

// How many shards the name of one says that there are; 0 for another name.
int64_t NumShardsOf(const std::string& name) {
  const size_t of = name.find("-of-");
  int64_t num_shards = 0;
  if (!absl::StartsWith(name, kOptimizerShardPrefix) || of == std::string::npos) return 0;
  const std::string behind = name.substr(of + 4);
  return absl::SimpleAtoi(behind.substr(0, behind.find('.')), &num_shards) ? num_shards : 0;
}

}  // namespace

CheckpointPlan PlanCheckpoint(const FlatLayout& layout, int world_size, int64_t max_shard_bytes) {
  CheckpointPlan plan;
  int64_t num_weights = 0, num_moments = 0;
  for (const SpanRange& spans : BalancedRanges(layout, world_size)) {
    PlannedPart part = {.spans = spans, .weights = CutIntoFiles(layout, spans, max_shard_bytes), .moments = {}};
    if (spans.count > 0) part.moments.push_back({.name = "", .spans = spans});
    num_weights += static_cast<int64_t>(part.weights.size());
    num_moments += static_cast<int64_t>(part.moments.size());
    plan.parts.push_back(std::move(part));
  }
  int64_t weights = 0, moments = 0;
  for (PlannedPart& part : plan.parts) {
    for (PlannedFile& file : part.weights) {
      file.name = num_weights == 1 ? model::kWeightsFile : model::ShardFileName(++weights, num_weights);
    }
    for (PlannedFile& file : part.moments) {
      file.name = num_moments == 1 ? kOptimizerFile : OptimizerShardName(++moments, num_moments);
    }
  }
  if (num_weights > 1) plan.weights_index = IndexOf(layout, plan.parts);
  return plan;
}

absl::StatusOr<std::vector<std::string>> OptimizerFilesOf(const CheckpointManifest& manifest) {
  std::set<std::string> listed;
  int64_t num_shards = 0;
  for (const ManifestEntry& file : manifest.files) {
    listed.insert(file.name);
    num_shards = std::max(num_shards, NumShardsOf(file.name));
  }
  std::vector<std::string> names;
  if (num_shards == 0) names.push_back(kOptimizerFile);
  // The first one that is missing ends the loop, however many there should be.
  for (int64_t shard = 1; shard <= num_shards && (names.empty() || listed.contains(names.back())); ++shard) {
    names.push_back(OptimizerShardName(shard, num_shards));
  }
  if (listed.contains(names.back())) return names;
  return absl::DataLossError(absl::StrCat("the manifest lacks a file, ", names.back()));
}

}  // namespace cohort::learner
