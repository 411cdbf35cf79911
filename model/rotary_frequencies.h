// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_ROTARY_FREQUENCIES_H_
#define COHORT_MODEL_ROTARY_FREQUENCIES_H_

// Torch-free.
#include <vector>

#include "model/model_config.h"

namespace cohort::model {

// Angle per position of each of the head_dim / 2 pairs, in radians and double: theta^(-2a / head_dim), scaled for long
// contexts when config.rope_scaling says so.
std::vector<double> RotaryFrequencies(const ModelConfig& config);

}  // namespace cohort::model

#endif  // COHORT_MODEL_ROTARY_FREQUENCIES_H_
