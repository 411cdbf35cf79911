// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_TRAIN_STATE_H_
#define COHORT_LEARNER_TRAIN_STATE_H_

// Shapes: P numbers of all parameters (learner/flat_parameters.h).
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "learner/flat_parameters.h"
#include "learner/optim/adamw.h"
#include "model/decoder.h"

namespace cohort::learner {

// First and second moments of all parameters, as a checkpoint holds them.
struct Moments {
  at::Tensor exp_avg_P;
  at::Tensor exp_avg_sq_P;
};

// Everything that a train step changes. The decoder computes with the tensors of `parameters`, the optimizer updates
// them in place. Not thread-safe.
struct TrainState {
  std::unique_ptr<FlatParameters> parameters;
  std::unique_ptr<AdamW> optimizer;
  std::unique_ptr<model::Decoder> decoder;
  int64_t policy_version = 0;
  int64_t num_updates = 0;  // optimizer updates so far
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_TRAIN_STATE_H_
