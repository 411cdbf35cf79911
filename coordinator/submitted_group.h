// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SUBMITTED_GROUP_H_
#define COHORT_COORDINATOR_SUBMITTED_GROUP_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cohort/v1/job.pb.h"
#include "cohort/v1/rollout.pb.h"
#include "coordinator/group_record.h"

namespace cohort::coordinator {

// A group as it came from a worker.
struct Submission {
  cohort::v1::LeaseToken lease;
  cohort::v1::RolloutGroup group;
};

// What a scored group must be to be accepted for `record`. INVALID_ARGUMENT names field and value: what a worker sends
// is checked like any input, because the learner trains on it.
absl::Status CheckSubmittedGroup(const cohort::v1::RolloutGroup& group, const GroupRecord& record, int32_t group_size,
                                 const cohort::v1::SamplingSpec& sampling, const cohort::v1::RewardSpec& reward);

// The part of a checked group that the coordinator keeps at hand. `now` is when it arrived.
GroupOutcome SummarizeGroup(const cohort::v1::RolloutGroup& group, absl::Time now);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SUBMITTED_GROUP_H_
