// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_CHECKPOINT_SAVED_STATE_H_
#define COHORT_LEARNER_CHECKPOINT_SAVED_STATE_H_

// Shapes: P numbers of all parameters (learner/flat_parameters.h). fp32.
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "absl/status/statusor.h"
#include "learner/train_state.h"
#include "model/parameter_map.h"

namespace cohort::learner {

// What a checkpoint holds of a train state, as tensors that are shared with it or with a copy of it.
struct SavedState {
  model::ParameterMap weights;
  model::ParameterMap exp_avg;  // moments of the optimizer, by parameter
  model::ParameterMap exp_avg_sq;
  int64_t policy_version = 0;
  int64_t num_updates = 0;
};

// The tensors of the state itself, with the moments of all its parameters: the next train step changes them.
// INTERNAL when the moments are not of these parameters.
absl::StatusOr<SavedState> ViewOf(const TrainState& state, const Moments& moments);

// A copy of a train state in host memory, three numbers a parameter, so that the state can change while the copy is
// written. The memory is taken by the first copy and used again by the next ones. Not thread-safe.
class StateSnapshot final {
 public:
  // The tensors of the answer change with the next Take. RESOURCE_EXHAUSTED when memory is short.
  absl::StatusOr<SavedState> Take(const TrainState& state, const Moments& moments);
  // 0 before the first Take.
  int64_t size_bytes() const;

 private:
  at::Tensor weights_P_;
  Moments moments_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_CHECKPOINT_SAVED_STATE_H_
