// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_PARAMETER_SELECTION_H_
#define COHORT_LEARNER_PARAMETER_SELECTION_H_

// Torch-free.
#include <vector>

#include "model/architectures/parameter_spec.h"

namespace cohort::learner {

// One parameter that trains, and how.
struct TrainedParameter {
  model::ParameterSpec spec;
  bool is_decayed = false;  // by OptimizerSpec.weight_decay
};

// The one place that decides which of an architecture's parameters train: all of them, in their order; matrices are
// decayed, norms and biases are not. FlatParameters is made from the answer, and optimizer, reduction over ranks,
// checkpoint and weight sync see the parameters through it alone. Pure.
std::vector<TrainedParameter> SelectParameters(const std::vector<model::ParameterSpec>& specs);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_PARAMETER_SELECTION_H_
