// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_ARCHITECTURES_QWEN3_DECODER_H_
#define COHORT_MODEL_ARCHITECTURES_QWEN3_DECODER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "model/decoder.h"

namespace cohort::model {

// The computation of Qwen3: pre-norm layers of grouped-query attention with per-head RMSNorm on queries and keys,
// rotary positions, and a SwiGLU feed-forward. See Decoder::Create for the contract.
absl::StatusOr<std::unique_ptr<Decoder>> CreateQwen3Decoder(const ModelConfig& config, ParameterMap parameters);

}  // namespace cohort::model

#endif  // COHORT_MODEL_ARCHITECTURES_QWEN3_DECODER_H_
