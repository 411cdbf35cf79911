// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_REPLAY_FAILURE_REPORT_H_
#define COHORT_LEARNER_REPLAY_FAILURE_REPORT_H_

#include <string>

#include "learner/replay/failure_replay.h"

namespace cohort::learner {

// What was recorded and what was met again, one line per sequence, and the tokens around the first one to blame. Lines
// with a number that is not finite end with "<--". Pure.
std::string FailureReport(const ReplayedFailure& failure);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_REPLAY_FAILURE_REPORT_H_
