// SPDX-License-Identifier: Apache-2.0
#include "learner/job_setup.h"

#include <algorithm>
#include <utility>

#include "common/status_macros.h"
#include "model/weights/checkpoint_folder.h"

namespace cohort::learner {
namespace {

constexpr int64_t kDefaultMicrobatchTokens = 8192;

// Temperature of the distribution whose log-probs are trained: that of sampling; 1 for greedy sampling and
// demonstrations.
double TrainedTemperature(const cohort::v1::JobSpec& spec) {
  if (!spec.has_rlvr()) return 1.0;
  const cohort::v1::SamplingSpec& sampling = spec.rlvr().rollout().sampling();
  return sampling.has_temperature() && sampling.temperature() > 0 ? sampling.temperature() : 1.0;
}

}  // namespace

TrainStepOptions StepOptions(const cohort::v1::JobSpec& spec) {
  const cohort::v1::TrainingSpec& training = spec.training();
  TrainStepOptions options;
  options.optimizer = spec.optimizer();
  options.gradient.max_tokens_per_microbatch =
      training.max_tokens_per_microbatch() > 0 ? training.max_tokens_per_microbatch() : kDefaultMicrobatchTokens;
  options.gradient.temperature = TrainedTemperature(spec);
  options.gradient.recompute_activations = training.recompute_activations();
  options.gradient.share_prompts = training.share_prompts();
  options.num_updates_in_job = training.num_steps() * std::max(1, training.updates_per_step());
  return options;
}

StepDataOptions DataOptions(const cohort::v1::JobSpec& spec, const model::ModelConfig& config) {
  StepDataOptions options;
  for (const cohort::v1::VerifierSpec& verifier : spec.rlvr().reward().verifiers()) {
    options.verifier_weights.push_back(verifier.has_weight() ? verifier.weight() : 1.0);
  }
  const int64_t max_sequence_tokens = spec.training().max_sequence_tokens();
  options.eos_token_id = config.eos_token_ids.front();
  options.limits = {
      .vocab_size = config.vocab_size,
      .max_sequence_tokens = max_sequence_tokens > 0 ? max_sequence_tokens : config.max_position_embeddings};
  options.num_updates = std::max(1, spec.training().updates_per_step());
  return options;
}

absl::StatusOr<std::unique_ptr<model::Decoder>> LoadReference(std::string_view model_path, const at::Device& device) {
  COHORT_ASSIGN_OR_RETURN(const model::ModelConfig config, model::LoadModelConfig(model_path));
  COHORT_ASSIGN_OR_RETURN(model::ParameterMap parameters, model::LoadParameters(model_path, config, device));
  return model::Decoder::Create(config, std::move(parameters));
}

}  // namespace cohort::learner
