// SPDX-License-Identifier: Apache-2.0
#include "objective/job_context.h"

#include <algorithm>

namespace cohort::objective {

ResolutionContext ContextOfJob(const cohort::v1::JobSpec& job) {
  const cohort::v1::RolloutSpec& rollout = job.rlvr().rollout();
  const auto& verifiers = job.rlvr().reward().verifiers();
  return {.is_sft = job.has_sft(),
          .group_size = rollout.group_size(),
          .has_item_rewards = std::any_of(verifiers.begin(), verifiers.end(),
                                          [](const auto& verifier) { return verifier.has_ranking(); }),
          .num_verifiers = verifiers.size(),
          .max_completion_tokens = rollout.sampling().max_completion_tokens(),
          .fixed_lag = rollout.fixed_lag()};
}

}  // namespace cohort::objective
