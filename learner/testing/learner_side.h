// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_TESTING_LEARNER_SIDE_H_
#define COHORT_LEARNER_TESTING_LEARNER_SIDE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "cohort/v1/optimizer_spec.pb.h"
#include "learner/phase_timer.h"
#include "learner/step_data.h"
#include "learner/testing/padded_peer.h"
#include "learner/train_state.h"
#include "learner/train_step.h"
#include "model/model_config.h"
#include "model/parallel/single_rank_group.h"
#include "model/parameter_map.h"
#include "model/precision.h"
#include "objective/objective.h"

namespace cohort::learner {

// Our side of benchmarks of the train step: one rank alone, with random weights, that trains GRPO's token loss without
// a reference; the log-probs of the sampler are the proximal ones. Not thread-safe.
class LearnerSide final {
 public:
  struct Options {
    model::ModelConfig config;
    at::Device device = at::kCPU;
    model::Precision precision = model::Precision::kFp32;
    int64_t group_size = 8;
    int64_t max_completion_tokens = 384;
  };

  // Weights of deviation 0.02 from ATen's generator, norms of 1.
  static absl::StatusOr<std::unique_ptr<LearnerSide>> Create(const Options& options);

  TrainState& state() { return state_; }
  const model::ModelConfig& config() const { return state_.decoder->config(); }
  // What makes a peer that starts from the present weights train the same.
  PeerOptions MakePeerOptions() const;

  // A whole train step. An error that is not of memory leaves a state that is not usable.
  absl::StatusOr<TrainStep::Outcome> Step(const StepData& data, const GradientOptions& gradient, PhaseTimer* timer);

  struct Gradient {
    double loss = 0;
    double norm = 0;
    double computed_rows = 0;  // packed tokens, each shared prompt once
  };
  // The gradient of the first update alone, left in the parameters; the weights stay.
  absl::StatusOr<Gradient> ComputeGradient(const StepData& data, const GradientOptions& gradient);

 private:
  LearnerSide(TrainState state, std::unique_ptr<objective::Objective> objective)
      : state_(std::move(state)), objective_(std::move(objective)) {}
  TrainStep MakeStep(const GradientOptions& gradient);

  TrainState state_;
  const std::unique_ptr<objective::Objective> objective_;
  model::SingleRankGroup group_;
};

// L2 norm of the difference of all gradients over that of the `expected` ones, in one order; sums in fp64.
double GradientDifference(const std::vector<at::Tensor>& found, const std::vector<at::Tensor>& expected);
// The gradients that the parameters hold, not copied.
std::vector<at::Tensor> GradientsOf(const model::ParameterMap& parameters);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_TESTING_LEARNER_SIDE_H_
