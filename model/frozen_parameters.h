// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_FROZEN_PARAMETERS_H_
#define COHORT_MODEL_FROZEN_PARAMETERS_H_

#include "absl/status/statusor.h"
#include "model/parameter_map.h"
#include "model/precision.h"

namespace cohort::model {

// fp32 parameters as a decoder of `precision` needs them when they are not trained: in bf16 rounded now instead of
// where they are used, which gives the same bits in half the memory. One after the other, so that what is let go of in
// fp32 makes room. RESOURCE_EXHAUSTED when memory is short.
absl::StatusOr<ParameterMap> FrozenParameters(ParameterMap parameters, Precision precision);

}  // namespace cohort::model

#endif  // COHORT_MODEL_FROZEN_PARAMETERS_H_
