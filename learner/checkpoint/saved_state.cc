// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/saved_state.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"

namespace cohort::learner {
namespace {

SavedState SavedAs(const TrainState& state, const at::Tensor& weights_P, const Moments& moments) {
  return {.weights = state.parameters->ViewsOf(weights_P),
          .exp_avg = state.parameters->ViewsOf(moments.exp_avg_P),
          .exp_avg_sq = state.parameters->ViewsOf(moments.exp_avg_sq_P),
          .policy_version = state.policy_version,
          .num_updates = state.num_updates};
}

void Copy(const at::Tensor& source_P, at::Tensor* copy_P) {
  // Pinned memory takes a GPU's numbers at the speed of its bus: training stands still meanwhile.
  const auto options = at::dtype(at::kFloat).pinned_memory(source_P.is_cuda());
  if (!copy_P->defined()) *copy_P = at::empty(source_P.sizes(), options);
  copy_P->copy_(source_P);
}

}  // namespace

absl::StatusOr<SavedState> ViewOf(const TrainState& state, const Moments& moments) {
  SavedState saved;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("view of the train state", [&] {
    saved = SavedAs(state, state.parameters->weights_P(), moments);
    return absl::OkStatus();
  }));
  return saved;
}

absl::StatusOr<SavedState> StateSnapshot::Take(const TrainState& state, const Moments& moments) {
  SavedState saved;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("copy of the train state", [&] {
    const at::NoGradGuard no_grad;
    Copy(state.parameters->weights_P(), &weights_P_);
    Copy(moments.exp_avg_P, &moments_.exp_avg_P);
    Copy(moments.exp_avg_sq_P, &moments_.exp_avg_sq_P);
    saved = SavedAs(state, weights_P_, moments_);
    return absl::OkStatus();
  }));
  return saved;
}

int64_t StateSnapshot::size_bytes() const {
  int64_t bytes = 0;
  for (const at::Tensor* copy_P : {&weights_P_, &moments_.exp_avg_P, &moments_.exp_avg_sq_P}) {
    if (copy_P->defined()) bytes += static_cast<int64_t>(copy_P->nbytes());
  }
  return bytes;
}

}  // namespace cohort::learner
