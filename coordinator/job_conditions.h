// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_CONDITIONS_H_
#define COHORT_COORDINATOR_JOB_CONDITIONS_H_

#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

// Conditions of a job, one of each type at most, in order of type. CHECKPOINT_UNUSABLE, REPLAY_DIVERGED and
// BUDGET_SPENT are stored with the job; the others are true of the moment and added to answers. Pure functions.

// Keeps `since` of a condition that was there already.
void SetCondition(cohort::v1::Job* job, cohort::v1::JobCondition::Type type, std::string_view message,
                  absl::Time since);
void ClearCondition(cohort::v1::Job* job, cohort::v1::JobCondition::Type type);
// Nullptr when the job does not have it.
const cohort::v1::JobCondition* FindCondition(const cohort::v1::Job& job, cohort::v1::JobCondition::Type type);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_CONDITIONS_H_
