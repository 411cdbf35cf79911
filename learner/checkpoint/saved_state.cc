// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/saved_state.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "learner/flat_parameters.h"

namespace cohort::learner {
namespace {

SavedState SavedAs(const TrainState& state, const StatePart& part) {
  const FlatParameters& parameters = *state.parameters;
  return {.plan = PlanCheckpoint(parameters.layout(), parameters.place().world_size),
          .place = parameters.place(),
          .weights = parameters.ViewsOf(part.weights_R, part.spans),
          .exp_avg = parameters.ViewsOf(part.exp_avg_R, part.spans),
          .exp_avg_sq = parameters.ViewsOf(part.exp_avg_sq_R, part.spans),
          .policy_version = state.policy_version,
          .num_updates = state.num_updates};
}

void Copy(const at::Tensor& source_R, at::Tensor* copy_R) {
  // Pinned memory takes a GPU's numbers at the speed of its bus: training stands still meanwhile.
  const auto options = at::dtype(at::kFloat).pinned_memory(source_R.is_cuda());
  if (!copy_R->defined()) *copy_R = at::empty(source_R.sizes(), options);
  copy_R->copy_(source_R);
}

}  // namespace

SpanRange OwnSpans(const TrainState& state) {
  const RankPlace& place = state.parameters->place();
  return PlanCheckpoint(state.parameters->layout(), place.world_size).parts[static_cast<size_t>(place.rank)].spans;
}

absl::StatusOr<SavedState> ViewOf(const TrainState& state, const StatePart& part) {
  SavedState saved;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("view of the train state", [&] {
    saved = SavedAs(state, part);
    return absl::OkStatus();
  }));
  return saved;
}

absl::StatusOr<SavedState> StateSnapshot::Take(const TrainState& state, const StatePart& part) {
  SavedState saved;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("copy of the train state", [&] {
    const at::NoGradGuard no_grad;
    copy_.spans = part.spans;
    Copy(part.weights_R, &copy_.weights_R);
    Copy(part.exp_avg_R, &copy_.exp_avg_R);
    Copy(part.exp_avg_sq_R, &copy_.exp_avg_sq_R);
    saved = SavedAs(state, copy_);
    return absl::OkStatus();
  }));
  return saved;
}

int64_t StateSnapshot::size_bytes() const {
  int64_t bytes = 0;
  for (const at::Tensor* copy_R : {&copy_.weights_R, &copy_.exp_avg_R, &copy_.exp_avg_sq_R}) {
    if (copy_R->defined()) bytes += static_cast<int64_t>(copy_R->nbytes());
  }
  return bytes;
}

}  // namespace cohort::learner
