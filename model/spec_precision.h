// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_SPEC_PRECISION_H_
#define COHORT_MODEL_SPEC_PRECISION_H_

// Torch-free.
#include "cohort/v1/model_spec.pb.h"
#include "model/precision.h"

namespace cohort::model {

// What a job's model is computed in. A job that does not say means fp32.
inline Precision PrecisionOf(cohort::v1::ModelPrecision precision) {
  return precision == cohort::v1::MODEL_PRECISION_BF16 ? Precision::kBf16 : Precision::kFp32;
}

}  // namespace cohort::model

#endif  // COHORT_MODEL_SPEC_PRECISION_H_
