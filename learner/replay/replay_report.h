// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_REPLAY_REPLAY_REPORT_H_
#define COHORT_LEARNER_REPLAY_REPLAY_REPORT_H_

// Torch-free but for replay.h.
#include <string>
#include <vector>

#include "learner/replay/replay.h"

namespace cohort::learner {

// The paired table: one line per objective and update, then the mean over updates with the cosines between objectives.
// Pure; `names` are those of the objectives, in order.
std::string ReplayHeader();
std::string ReplayLines(const std::vector<std::string>& names, const ReplayedRow& row);
std::string ReplaySummary(const std::vector<std::string>& names, const std::vector<ReplayedRow>& rows);
// One line: after how many steps the weights were the recorded ones, and the digest of the last.
std::string ReplayVerdict(const ReplayFacts& facts);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_REPLAY_REPLAY_REPORT_H_
