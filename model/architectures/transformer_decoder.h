// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_ARCHITECTURES_TRANSFORMER_DECODER_H_
#define COHORT_MODEL_ARCHITECTURES_TRANSFORMER_DECODER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "model/decoder.h"

namespace cohort::model {

// The computation that the architectures of this folder share: pre-norm layers of grouped-query attention with rotary
// positions, and a SwiGLU feed-forward. What differs stands in the config: has_qkv_bias, has_qk_norm,
// attention_windows, rope_scaling. Parameters are those of TransformerParameters. See Decoder::Create for the contract.
absl::StatusOr<std::unique_ptr<Decoder>> CreateTransformerDecoder(const ModelConfig& config, ParameterMap parameters,
                                                                  const DecoderOptions& options);

}  // namespace cohort::model

#endif  // COHORT_MODEL_ARCHITECTURES_TRANSFORMER_DECODER_H_
