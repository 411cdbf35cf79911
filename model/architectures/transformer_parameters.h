// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_ARCHITECTURES_TRANSFORMER_PARAMETERS_H_
#define COHORT_MODEL_ARCHITECTURES_TRANSFORMER_PARAMETERS_H_

#include <vector>

#include "model/architectures/parameter_spec.h"
#include "model/model_config.h"

namespace cohort::model {

// Names and shapes of the parameters that transformer_decoder.h computes with, in the order of the forward pass: the
// embedding, then of each layer its norms, q, k, v (each followed by its bias when has_qkv_bias), the norms of queries
// and keys when has_qk_norm, o, and the feed-forward; the last norm, and lm_head unless the embeddings are tied.
// Torch-free.
std::vector<ParameterSpec> TransformerParameters(const ModelConfig& config);

}  // namespace cohort::model

#endif  // COHORT_MODEL_ARCHITECTURES_TRANSFORMER_PARAMETERS_H_
