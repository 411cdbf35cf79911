// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_TRAIN_STATE_H_
#define COHORT_LEARNER_TRAIN_STATE_H_

// Shapes: R numbers of neighbouring parameters, with the gaps between them (learner/flat_layout.h).
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "learner/flat_layout.h"
#include "learner/flat_parameters.h"
#include "learner/optim/adamw.h"
#include "learner/sharded_layers.h"
#include "model/decoder.h"

namespace cohort::learner {

// What one rank writes of a checkpoint: weights and both moments of whole neighbouring parameters, fp32.
struct StatePart {
  SpanRange spans;
  at::Tensor weights_R;  // of RangeOf(spans)
  at::Tensor exp_avg_R;
  at::Tensor exp_avg_sq_R;
};

// Everything that a train step changes. The decoder computes with the tensors of `parameters`, the optimizer updates
// them in place. Not thread-safe.
struct TrainState {
  std::unique_ptr<FlatParameters> parameters;
  std::unique_ptr<ShardedLayers> layers;  // null: this rank has all weights
  std::unique_ptr<AdamW> optimizer;
  std::unique_ptr<model::Decoder> decoder;
  int64_t policy_version = 0;
  int64_t num_updates = 0;  // optimizer updates so far
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_TRAIN_STATE_H_
