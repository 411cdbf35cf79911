// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_ENTROPY_READERS_H_
#define COHORT_OBJECTIVE_ENTROPY_READERS_H_

#include <optional>

#include "cohort/v1/objective_spec.pb.h"
#include "objective/update_statistics.h"

namespace cohort::objective {

// How a part of the objective reads entropies.
struct EntropyReading {
  cohort::v1::EntropySource source;
  cohort::v1::StatisticScope scope;
};

// None when the part does not look at entropies. Pure.
std::optional<EntropyReading> ReadingOf(const cohort::v1::ObjectiveSpec& spec, EntropyReader reader);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_ENTROPY_READERS_H_
