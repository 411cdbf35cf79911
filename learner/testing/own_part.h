// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_TESTING_OWN_PART_H_
#define COHORT_LEARNER_TESTING_OWN_PART_H_

#include "learner/checkpoint/saved_state.h"
#include "learner/flat_layout.h"
#include "learner/train_state.h"

namespace cohort::learner {

// What a rank that shares no state writes of it: views. In a world of one that is everything.
inline StatePart OwnPart(const TrainState& state) {
  const SpanRange spans = OwnSpans(state);
  const FlatRange range = RangeOf(state.parameters->layout(), spans);
  return {.spans = spans,
          .weights_R = state.parameters->weights_L().narrow(0, range.offset, range.size),
          .exp_avg_R = state.optimizer->exp_avg_S().narrow(0, range.offset, range.size),
          .exp_avg_sq_R = state.optimizer->exp_avg_sq_S().narrow(0, range.offset, range.size)};
}

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_TESTING_OWN_PART_H_
