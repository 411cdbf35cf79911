// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_SCALAR_TYPE_H_
#define COHORT_MODEL_SCALAR_TYPE_H_

#include <ATen/core/Tensor.h>

#include "model/precision.h"

namespace cohort::model {

// Of activations and cached keys and values.
inline at::ScalarType ScalarTypeOf(Precision precision) {
  return precision == Precision::kBf16 ? at::kBFloat16 : at::kFloat;
}

}  // namespace cohort::model

#endif  // COHORT_MODEL_SCALAR_TYPE_H_
