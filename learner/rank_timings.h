// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_RANK_TIMINGS_H_
#define COHORT_LEARNER_RANK_TIMINGS_H_

// Torch-free.
#include <vector>

#include "cohort/v1/timings.pb.h"
#include "learner/phase_timer.h"

namespace cohort::learner {

// When each rank of a gang did what in a train step, as numbers of which the largest over all ranks count: every rank
// fills its own places and leaves the others 0. Their order does not matter to any other sum of the step. Not
// thread-safe.
class RankTimingTable final {
 public:
  // The table of this rank.
  RankTimingTable(int rank, int world_size, const PhaseTimer& timer);

  // To be reduced in place, for ReduceOverRanks.
  std::vector<double>* numbers() { return &numbers_; }
  // Of all ranks, once that is done. Phases in order of begin; the times are good to a microsecond.
  std::vector<cohort::v1::RankTimings> Timings() const;

 private:
  std::vector<double> numbers_;  // of each rank, of each phase: begin and end in Unix seconds, busy seconds
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_RANK_TIMINGS_H_
