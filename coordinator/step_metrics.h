// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_STEP_METRICS_H_
#define COHORT_COORDINATOR_STEP_METRICS_H_

#include <map>
#include <string>
#include <vector>

#include "cohort/v1/reward_spec.pb.h"
#include "coordinator/group_record.h"

namespace cohort::coordinator {

// The largest reward of a rubric: the sum of its positive weights.
double MaxReward(const cohort::v1::RewardSpec& reward);

// A completion with this reward counts as correct.
bool IsFullReward(double reward, double max_reward);

// Rollout-side metrics of one train step, names as in docs/operations/metrics.md. Means and shares are over judged
// completions, except no_verdict_share and the lengths. generation_tokens_per_second is the step's tokens over the time
// in which at least one of its groups was being sampled. Empty for no groups. Pure.
std::map<std::string, double> RolloutMetrics(const std::vector<const GroupRecord*>& groups, double max_reward);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_STEP_METRICS_H_
