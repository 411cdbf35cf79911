// SPDX-License-Identifier: Apache-2.0
#include "model/frozen_parameters.h"

#include <ATen/core/Tensor.h>

#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "model/scalar_type.h"

namespace cohort::model {

absl::StatusOr<ParameterMap> FrozenParameters(ParameterMap parameters, Precision precision) {
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("rounding the parameters", [&] {
    for (auto& [name, tensor] : parameters.entries) tensor = tensor.detach().to(ScalarTypeOf(precision));
    return absl::OkStatus();
  }));
  return parameters;
}

}  // namespace cohort::model
