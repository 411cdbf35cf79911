// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_LANE_ASSIGNMENT_H_
#define COHORT_CLI_LANE_ASSIGNMENT_H_

#include <vector>

#include "absl/time/time.h"

namespace cohort::cli {

// From `begin` up to and without `end`.
struct TimeInterval {
  absl::Time begin;
  absl::Time end;
};

// A lane, from 0, for each interval, so that those of one lane do not overlap: in order of begin, each gets the lowest
// lane that is free, which takes as few lanes as there are intervals at one moment. Pure.
std::vector<int> AssignLanes(const std::vector<TimeInterval>& intervals);

// The gaps between the first begin and the last end in which no interval is, in order. Pure.
std::vector<TimeInterval> GapsBetween(std::vector<TimeInterval> intervals);

}  // namespace cohort::cli

#endif  // COHORT_CLI_LANE_ASSIGNMENT_H_
