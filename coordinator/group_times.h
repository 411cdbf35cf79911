// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_GROUP_TIMES_H_
#define COHORT_COORDINATOR_GROUP_TIMES_H_

#include <optional>

#include "absl/time/time.h"
#include "cohort/v1/rollout.pb.h"
#include "common/time_anchor.h"

namespace cohort::coordinator {

// What the coordinator knows of a group that it is about to store, on its own clocks.
struct GroupTimes {
  common::TimeAnchor now;
  std::optional<absl::Duration> admitted;
  std::optional<absl::Duration> leased;
};

// Sets the coordinator's part of group->timings(). Times of the worker that cannot be (out of the range of a timestamp,
// or not in the order of its work) are taken out, for nothing depends on them. Pure.
void AddGroupTimes(const GroupTimes& times, cohort::v1::RolloutGroup* group);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_GROUP_TIMES_H_
