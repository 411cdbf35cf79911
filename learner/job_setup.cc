// SPDX-License-Identifier: Apache-2.0
#include "learner/job_setup.h"

#include <algorithm>

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

cohort::v1::OptimizerSpec UnshardedOptimizer(const cohort::v1::JobSpec& spec) {
  cohort::v1::OptimizerSpec optimizer = spec.optimizer();
  optimizer.set_sharding(cohort::v1::OPTIMIZER_SHARDING_NONE);
  return optimizer;
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

absl::StatusOr<Policy> LoadReference(std::string_view model_path, const TrainState& state) {
  return LoadPolicy(model_path, {.device = state.parameters->device(),
                                 .place = state.parameters->place(),
                                 .shards_layers = state.layers != nullptr,
                                 .precision = state.decoder->precision(),
                                 .is_frozen = true});
}

}  // namespace cohort::learner
