// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_CHECKPOINT_SAVED_STATE_H_
#define COHORT_LEARNER_CHECKPOINT_SAVED_STATE_H_

// Shapes: R numbers of the parameters that one rank writes (learner/train_state.h). fp32.
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "absl/status/statusor.h"
#include "learner/checkpoint/checkpoint_plan.h"
#include "learner/flat_layout.h"
#include "learner/train_state.h"
#include "model/parameter_map.h"

namespace cohort::learner {

// What one rank writes of a train state into a checkpoint, as tensors that are shared with it or with a copy of it.
struct SavedState {
  CheckpointPlan plan;  // of all ranks
  RankPlace place;
  model::ParameterMap weights;  // of the rank's part, in the order of the layout
  model::ParameterMap exp_avg;  // moments of the optimizer, by parameter
  model::ParameterMap exp_avg_sq;
  int64_t policy_version = 0;
  int64_t num_updates = 0;
};

// The parameters that the rank of `state` writes.
SpanRange OwnSpans(const TrainState& state);

// The tensors of the part itself, which is that of OwnSpans: the next train step changes them. INTERNAL when they are
// not of these parameters.
absl::StatusOr<SavedState> ViewOf(const TrainState& state, const StatePart& part);

// A copy of a part in host memory, three numbers a parameter, so that the state can change while the copy is written.
// The memory is taken by the first copy and used again by the next ones. Not thread-safe.
class StateSnapshot final {
 public:
  // The tensors of the answer change with the next Take. RESOURCE_EXHAUSTED when memory is short.
  absl::StatusOr<SavedState> Take(const TrainState& state, const StatePart& part);
  // 0 before the first Take.
  int64_t size_bytes() const;

 private:
  StatePart copy_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_CHECKPOINT_SAVED_STATE_H_
