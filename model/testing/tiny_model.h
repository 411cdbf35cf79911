// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TESTING_TINY_MODEL_H_
#define COHORT_MODEL_TESTING_TINY_MODEL_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/model_config.h"
#include "model/parameter_map.h"

namespace cohort::model {

// A Qwen3 small enough for unit tests: 2 layers, hidden size 64, grouped queries, tied embedding, context of 256.
ModelConfig TinyConfig();

// The same sizes as every architecture has them, with and without what may differ within one: tied embeddings, windows
// (none of them a multiple of the attention's 16 keys), scaled rotary frequencies.
struct TinyVariant {
  std::string name;
  ModelConfig config;
};
std::vector<TinyVariant> TinyVariants();
// Those, and products of other shapes.
std::vector<TinyVariant> BitVariants();

// Parameters of `config` with standard deviation 0.2 and norms in [0.5, 1.5], a function of the seed; fp32 on the CPU.
ParameterMap RandomParameters(const ModelConfig& config, uint64_t seed);

}  // namespace cohort::model

#endif  // COHORT_MODEL_TESTING_TINY_MODEL_H_
