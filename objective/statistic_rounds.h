// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_STATISTIC_ROUNDS_H_
#define COHORT_OBJECTIVE_STATISTIC_ROUNDS_H_

#include "cohort/v1/objective_spec.pb.h"
#include "objective/token_batch.h"
#include "objective/update_statistics.h"

namespace cohort::objective {

// The rounds behind Objective's statistics, for a resolved spec and checked batches. Round 0 counts tokens and
// sequences and collects entropies and mismatch factors; the search for the entropy threshold goes on for three more
// (top_entropy.h). Pure but for the sums and statistics that are passed.
int NumStatisticRounds(const cohort::v1::ObjectiveSpec& spec);

// Whether anything but tokens and sequences is measured.
bool MeasuresLogprobs(const cohort::v1::ObjectiveSpec& spec);

UpdateStatistics FirstStatistics(const cohort::v1::ObjectiveSpec& spec, int64_t num_groups);
StatisticSums ZeroSums(const cohort::v1::ObjectiveSpec& spec, const UpdateStatistics& statistics);

template <typename Real>
void MeasureBatch(const cohort::v1::ObjectiveSpec& spec, const TokenBatch<Real>& batch,
                  const UpdateStatistics& statistics, StatisticSums* sums);

void ConcludeRound(const cohort::v1::ObjectiveSpec& spec, const StatisticSums& sums, UpdateStatistics* statistics);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_STATISTIC_ROUNDS_H_
