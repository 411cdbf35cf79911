// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TESTING_TINY_MODEL_H_
#define COHORT_MODEL_TESTING_TINY_MODEL_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "model/model_config.h"
#include "model/parameter_map.h"

namespace cohort::model {

// A Qwen3 small enough for unit tests: 2 layers, hidden size 64, grouped queries, tied embedding, context of 256.
ModelConfig TinyConfig();

// Parameters of `config` with standard deviation 0.2 and norms in [0.5, 1.5], a function of the seed; fp32 on the CPU.
ParameterMap RandomParameters(const ModelConfig& config, uint64_t seed);

}  // namespace cohort::model

#endif  // COHORT_MODEL_TESTING_TINY_MODEL_H_
