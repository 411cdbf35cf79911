// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_CHECKPOINT_CHECKPOINT_PLAN_H_
#define COHORT_LEARNER_CHECKPOINT_CHECKPOINT_PLAN_H_

// Torch-free. Pure: every rank computes the whole plan alike.
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "learner/checkpoint/manifest.h"
#include "learner/flat_layout.h"
#include "model/weights/weight_files_writer.h"

namespace cohort::learner {

// A safetensors file with the weights or the moments of these parameters.
struct PlannedFile {
  std::string name;
  SpanRange spans;
};

// What one rank writes; nothing when there are fewer parameters than ranks.
struct PlannedPart {
  SpanRange spans;
  std::vector<PlannedFile> weights;
  std::vector<PlannedFile> moments;  // at most one
};

// Which files a checkpoint has, and who writes them. With one file of weights that is model.safetensors, else they are
// numbered over all ranks and have an index; likewise optimizer.safetensors, whose shards say in their names how many
// there are.
struct CheckpointPlan {
  std::vector<PlannedPart> parts;  // by rank
  std::string weights_index;       // text of model.safetensors.index.json; empty: there is none
};

// The parts are neighbouring whole parameters, in order. The largest one is as small as it can be. Files of weights are
// cut where they would have more than `max_shard_bytes`.
CheckpointPlan PlanCheckpoint(const FlatLayout& layout, int world_size,
                              int64_t max_shard_bytes = model::kMaxShardBytes);

// The files of moments that a manifest lists, in their order; DATA_LOSS names one that it lacks.
absl::StatusOr<std::vector<std::string>> OptimizerFilesOf(const CheckpointManifest& manifest);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_CHECKPOINT_CHECKPOINT_PLAN_H_
