// SPDX-License-Identifier: Apache-2.0
#include "objective/job_context.h"

#include "absl/strings/str_cat.h"

namespace cohort::objective {

ResolutionContext ContextOfJob(const cohort::v1::JobSpec& job) {
  const cohort::v1::RolloutSpec& rollout = job.rlvr().rollout();
  ResolutionContext context;
  context.is_sft = job.has_sft();
  context.group_size = rollout.group_size();
  context.max_completion_tokens = rollout.sampling().max_completion_tokens();
  context.fixed_lag = rollout.fixed_lag();
  const auto& verifiers = job.rlvr().reward().verifiers();
  for (int i = 0; i < verifiers.size() && !context.has_item_rewards; ++i) {
    if (!verifiers[i].has_ranking()) continue;
    context.has_item_rewards = true;
    context.num_ranked_items = verifiers[i].ranking().num_items();
    context.ranked_items_field = absl::StrCat("rlvr.reward.verifiers[", i, "].ranking.num_items");
  }
  return context;
}

}  // namespace cohort::objective
