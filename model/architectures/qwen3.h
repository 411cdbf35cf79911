// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_ARCHITECTURES_QWEN3_H_
#define COHORT_MODEL_ARCHITECTURES_QWEN3_H_

// Torch-free half of Qwen3: what its config.json may say and which parameters it has. The other half, qwen3_decoder.h,
// is the computation.
#include <vector>

#include "absl/status/status.h"
#include "model/architectures/parameter_spec.h"
#include "model/model_config.h"
#include "model/strict_json.h"

namespace cohort::model {

inline constexpr char kQwen3Architecture[] = "Qwen3ForCausalLM";

// Refuses features of config.json that the decoder does not compute (UNIMPLEMENTED, by key and value).
absl::Status CheckQwen3Features(const JsonFields& fields);

// In the order of the forward pass; lm_head last, absent when tied.
std::vector<ParameterSpec> Qwen3Parameters(const ModelConfig& config);

}  // namespace cohort::model

#endif  // COHORT_MODEL_ARCHITECTURES_QWEN3_H_
