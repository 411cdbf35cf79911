// SPDX-License-Identifier: Apache-2.0
#include "model/learner_load.h"

#include <algorithm>

#include "model/spec_precision.h"

namespace cohort::model {
namespace {

int64_t DividedUp(int64_t value, int64_t divisor) { return (value + divisor - 1) / divisor; }

// Sequences of one update on the rank that has most of them; 0 when the spec does not say. Groups are dealt out whole.
int64_t SequencesOfUpdate(const cohort::v1::JobSpec& spec, int64_t world_size) {
  const cohort::v1::RolloutSpec& rollout = spec.rlvr().rollout();
  const int64_t num_units = spec.has_sft() ? spec.sft().sequences_per_step() : rollout.groups_per_step();
  const int64_t num_updates = std::max(1, spec.training().updates_per_step());
  return DividedUp(DividedUp(num_units, num_updates), world_size) * (spec.has_sft() ? 1 : rollout.group_size());
}

int64_t MicrobatchTokens(const cohort::v1::JobSpec& spec, int64_t world_size, int64_t longest_sequence_tokens) {
  const int64_t budget = spec.training().max_tokens_per_microbatch();
  // A sequence that is longer gets a microbatch of its own.
  const int64_t most = std::max(budget > 0 ? budget : LearnerLoad().microbatch_tokens, longest_sequence_tokens);
  const int64_t all = BoundedProduct(SequencesOfUpdate(spec, world_size), longest_sequence_tokens);
  return all > 0 ? std::min(most, all) : most;
}

}  // namespace

LearnerLoad LearnerLoadOf(const cohort::v1::JobSpec& spec, int64_t longest_sequence_tokens) {
  const int64_t world_size = std::max(1, spec.training().world_size());
  LearnerLoad load;
  load.microbatch_tokens = MicrobatchTokens(spec, world_size, longest_sequence_tokens);
  load.has_reference = spec.objective().kl().coefficient() > 0;
  load.num_ranks = world_size;
  load.shards_layers = spec.optimizer().sharding() == cohort::v1::OPTIMIZER_SHARDING_ZERO3;
  const bool shards_optimizer = spec.optimizer().sharding() == cohort::v1::OPTIMIZER_SHARDING_ZERO1;
  if (load.shards_layers || shards_optimizer) load.optimizer_shards = world_size;
  load.recomputes_activations = spec.training().recompute_activations();
  load.precision = PrecisionOf(spec.model().precision());
  const int64_t every_steps = spec.checkpoint().every_steps();
  load.seals_while_training = every_steps > 0 && every_steps < spec.training().num_steps();
  const cohort::v1::RolloutSpec& rollout = spec.rlvr().rollout();
  load.held_versions = (rollout.has_max_lag() ? rollout.max_lag() : rollout.fixed_lag()) + 2;
  return load;
}

}  // namespace cohort::model
