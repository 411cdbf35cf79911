// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_TESTING_SAMPLE_GROUP_H_
#define COHORT_COORDINATOR_TESTING_SAMPLE_GROUP_H_

#include <functional>

#include "cohort/v1/rollout.pb.h"

namespace cohort::coordinator {

// Decides what a sibling of a group gets: fills outcome and reward.
using FakeScore = std::function<void(const cohort::v1::GroupAssignment&, int sibling, cohort::v1::Rollout*)>;

// The group that a worker would send: a pure function of the assignment. Stored completions are judged instead of new
// ones sampled; their only verifier is then said to be "again".
cohort::v1::RolloutGroup SampleGroup(const cohort::v1::GroupAssignment& assignment, const FakeScore& score);

// Sibling 0 is right, the others are wrong.
FakeScore FirstSiblingIsRight();
// Everything is right.
FakeScore AllRight();

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_TESTING_SAMPLE_GROUP_H_
