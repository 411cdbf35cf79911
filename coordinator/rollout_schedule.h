// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_ROLLOUT_SCHEDULE_H_
#define COHORT_COORDINATOR_ROLLOUT_SCHEDULE_H_

#include <cstdint>

#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

// What a rollout spec says about the two schedules of docs/service.md. Pure.
//
// max_lag: steps are planned in order of arrival. Otherwise in order of group id, with fixed_lag.
inline bool IsPlannedByArrival(const cohort::v1::RolloutSpec& rollout) { return rollout.has_max_lag(); }

// Most versions between the one that samples a group and the one that trains it.
inline int64_t LagOf(const cohort::v1::RolloutSpec& rollout) {
  return rollout.has_max_lag() ? rollout.max_lag() : rollout.fixed_lag();
}

// Training groups that may be open at a time.
inline int64_t NumSlots(const cohort::v1::RolloutSpec& rollout) {
  return (LagOf(rollout) + 1) * rollout.groups_per_step();
}

// Most groups that are sampled for one train step, dropped ones included.
inline int64_t MaxGroupsOfStep(const cohort::v1::JobSpec& spec) {
  const cohort::v1::DynamicSamplingSpec& dynamic = spec.objective().dynamic_sampling();
  const int64_t per_step = spec.rlvr().rollout().groups_per_step();
  return dynamic.enabled() ? per_step * dynamic.max_rounds() : per_step;
}

inline constexpr double kDefaultMaxErroredShare = 0.5;

// Also of a spec that was stored before there was such a field.
inline double MaxErroredShare(const cohort::v1::RolloutSpec& rollout) {
  return rollout.has_max_errored_share() ? rollout.max_errored_share() : kDefaultMaxErroredShare;
}

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_ROLLOUT_SCHEDULE_H_
