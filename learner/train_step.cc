// SPDX-License-Identifier: Apache-2.0
#include "learner/train_step.h"

#include <algorithm>
#include <vector>

#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "learner/optim/gradient_clip.h"
#include "learner/optim/schedule.h"
#include "learner/parameter_exchange.h"

namespace cohort::learner {

absl::StatusOr<TrainStep::Outcome> TrainStep::Run(const StepData& data, PhaseTimer* timer) {
  Outcome outcome;
  COHORT_ASSIGN_OR_RETURN(const std::vector<PreparedUpdate> prepared, gradient_.Prepare(data, timer));
  for (size_t u = 0; u < prepared.size(); ++u) {
    for (const Microbatch& microbatch : prepared[u].microbatches) {
      outcome.largest_microbatch_tokens =
          std::max(outcome.largest_microbatch_tokens, static_cast<int64_t>(microbatch.token_ids.size()));
    }
    COHORT_ASSIGN_OR_RETURN(const double norm,
                            gradient_.Compute(data, prepared, static_cast<int64_t>(u), &outcome.totals, timer));
    COHORT_ASSIGN_OR_RETURN(outcome.learning_rate, Apply(norm, &outcome.totals, timer));
    outcome.gradient_norm_mean += norm / static_cast<double>(prepared.size());
  }
  EndStep();
  return outcome;
}

absl::StatusOr<double> TrainStep::Apply(double gradient_norm, StepTotals* totals, PhaseTimer* timer) {
  const double max_norm = options_.optimizer.has_max_gradient_norm() ? options_.optimizer.max_gradient_norm() : 1.0;
  const double learning_rate = LearningRate(options_.optimizer, state_->num_updates, options_.num_updates_in_job);
  COHORT_ASSIGN_OR_RETURN(
      const UpdateSize size,
      state_->optimizer->Update(learning_rate, ClipScale(gradient_norm, max_norm), state_->num_updates + 1));
  totals->Add({{"sum_squared_change", size.squared_change}, {"sum_squared_weights", size.squared_weights}});
  ++state_->num_updates;
  timer->Mark(Phase::kOptimizer);
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch(
      "weights of all ranks", [this] { return ParameterExchange(group_, state_).GatherWeights(); }));
  timer->Mark(Phase::kReduce);
  return learning_rate;
}

}  // namespace cohort::learner
