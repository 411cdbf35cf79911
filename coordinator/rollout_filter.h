// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_ROLLOUT_FILTER_H_
#define COHORT_COORDINATOR_ROLLOUT_FILTER_H_

#include "absl/status/status.h"
#include "cohort/v1/job_service.pb.h"
#include "coordinator/group_record.h"

// RolloutFilter, completion by completion. A completion without a verdict has no reward: neither bound lets it through.
// Pure functions.
namespace cohort::coordinator {

// INVALID_ARGUMENT names the field below `filter`.
absl::Status CheckRolloutFilter(const cohort::v1::RolloutFilter& filter);

bool IsSelected(const cohort::v1::Rollout& rollout, const cohort::v1::RolloutFilter& filter);

// Whether the group of this outcome has a completion that the filter selects; its rollouts need not be read for that.
bool HasSelected(const GroupOutcome& outcome, const cohort::v1::RolloutFilter& filter);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_ROLLOUT_FILTER_H_
