// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_ARCHITECTURES_PARAMETER_LOOKUP_H_
#define COHORT_MODEL_ARCHITECTURES_PARAMETER_LOOKUP_H_

#include <vector>

#include "absl/status/statusor.h"
#include "model/architectures/parameter_spec.h"
#include "model/parameter_map.h"
#include "model/precision.h"

namespace cohort::model {

// The parameters in the order of `specs`. INVALID_ARGUMENT names one that is missing, surplus, of another shape, or not
// on the device and in the type of the first, which is fp32 or, with fp32 as precision, fp64, with bf16 also bf16.
absl::StatusOr<ParameterMap> ArrangeParameters(const std::vector<ParameterSpec>& specs, const ParameterMap& parameters,
                                               Precision precision);

}  // namespace cohort::model

#endif  // COHORT_MODEL_ARCHITECTURES_PARAMETER_LOOKUP_H_
