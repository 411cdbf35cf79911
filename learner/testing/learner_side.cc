// SPDX-License-Identifier: Apache-2.0
#include "learner/testing/learner_side.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "learner/flat_parameters.h"
#include "learner/optim/adamw.h"
#include "learner/parameter_selection.h"
#include "learner/step_gradient.h"
#include "learner/step_totals.h"
#include "model/architectures/transformer_parameters.h"
#include "model/decoder.h"
#include "objective/objective_resolution.h"

namespace cohort::learner {
namespace {

cohort::v1::OptimizerSpec Optimizer() {
  cohort::v1::OptimizerSpec optimizer;
  optimizer.set_learning_rate(1e-5);
  optimizer.set_weight_decay(0.01);
  optimizer.set_max_gradient_norm(1.0);
  return optimizer;
}

absl::StatusOr<TrainState> MakeState(const LearnerSide::Options& options) {
  const std::vector<model::ParameterSpec> specs = model::TransformerParameters(options.config);
  TrainState state;
  COHORT_ASSIGN_OR_RETURN(state.parameters, FlatParameters::Create(SelectParameters(specs), options.device));
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("weights", [&] {
    const at::NoGradGuard no_grad;
    for (size_t i = 0; i < specs.size(); ++i) {
      const at::Tensor view = state.parameters->parameters().entries[i].second;
      if (specs[i].kind == model::ParameterSpec::Kind::kNorm) {
        view.fill_(1);
      } else {
        view.normal_(0, 0.02);
      }
    }
    return absl::OkStatus();
  }));
  COHORT_ASSIGN_OR_RETURN(state.optimizer, AdamW::Create(Optimizer(), state.parameters.get()));
  COHORT_ASSIGN_OR_RETURN(state.decoder, model::Decoder::Create(options.config, state.parameters->parameters(),
                                                                {.precision = options.precision}));
  return state;
}

absl::StatusOr<std::unique_ptr<objective::Objective>> MakeObjective(const LearnerSide::Options& options) {
  cohort::v1::ObjectiveSpec spec;
  spec.set_preset("grpo");
  spec.mutable_mismatch()->set_bypass(true);
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::ObjectiveSpec resolved,
                          objective::ResolveObjective(spec, {.group_size = options.group_size,
                                                             .max_completion_tokens = options.max_completion_tokens}));
  return objective::Objective::Create(resolved);
}

}  // namespace

absl::StatusOr<std::unique_ptr<LearnerSide>> LearnerSide::Create(const Options& options) {
  COHORT_ASSIGN_OR_RETURN(TrainState state, MakeState(options));
  COHORT_ASSIGN_OR_RETURN(std::unique_ptr<objective::Objective> objective, MakeObjective(options));
  return std::unique_ptr<LearnerSide>(new LearnerSide(std::move(state), std::move(objective)));
}

PeerOptions LearnerSide::MakePeerOptions() const {
  const cohort::v1::RatioBranch& branch = objective_->spec().branches(0);
  return {.learning_rate = Optimizer().learning_rate(),
          .weight_decay = Optimizer().weight_decay(),
          .max_gradient_norm = Optimizer().max_gradient_norm(),
          .clip_low = branch.clip_low(),
          .clip_high = branch.clip_high()};
}

TrainStep LearnerSide::MakeStep(const GradientOptions& gradient) {
  return TrainStep({.optimizer = Optimizer(), .gradient = gradient, .num_updates_in_job = 1000}, objective_.get(),
                   /*reference=*/nullptr, &group_, &state_);
}

absl::StatusOr<TrainStep::Outcome> LearnerSide::Step(const StepData& data, const GradientOptions& gradient,
                                                     PhaseTimer* timer) {
  return MakeStep(gradient).Run(data, timer);
}

absl::StatusOr<LearnerSide::Gradient> LearnerSide::ComputeGradient(const StepData& data,
                                                                   const GradientOptions& gradient) {
  const TrainStep step = MakeStep(gradient);
  PhaseTimer timer(common::SystemClock());
  StepTotals totals;
  COHORT_ASSIGN_OR_RETURN(const std::vector<PreparedUpdate> prepared, step.gradient().Prepare(data, &timer));
  COHORT_ASSIGN_OR_RETURN(const double norm, step.gradient().Compute(data, prepared, /*update=*/0, &totals, &timer));
  return Gradient{.loss = totals.Get("sum_loss"), .norm = norm, .computed_rows = totals.Get("count_packed_tokens")};
}

double GradientDifference(const std::vector<at::Tensor>& found, const std::vector<at::Tensor>& expected) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    difference += (found[i] - expected[i]).square().sum(at::kDouble).item<double>();
    size += expected[i].square().sum(at::kDouble).item<double>();
  }
  return std::sqrt(difference / size);
}

std::vector<at::Tensor> GradientsOf(const model::ParameterMap& parameters) {
  std::vector<at::Tensor> gradients;
  for (const auto& [name, parameter] : parameters.entries) gradients.push_back(parameter.grad());
  return gradients;
}

}  // namespace cohort::learner
