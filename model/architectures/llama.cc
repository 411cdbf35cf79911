// SPDX-License-Identifier: Apache-2.0
#include "model/architectures/llama.h"

#include "common/status_macros.h"
#include "model/architectures/rope_config.h"
#include "model/architectures/transformer_config.h"

namespace cohort::model {

absl::Status ReadLlamaConfig(const JsonFields& fields, ModelConfig* config) {
  COHORT_RETURN_IF_ERROR(CheckTransformerFeatures(fields, "llama"));
  COHORT_RETURN_IF_ERROR(RefuseAttentionBias(fields));
  const ShapeDefaults defaults{.head_dim_from_hidden_size = true, .num_kv_heads_from_num_heads = true};
  COHORT_RETURN_IF_ERROR(ReadTransformerShape(fields, defaults, config));
  COHORT_RETURN_IF_ERROR(ReadRope(fields, config));
  COHORT_RETURN_IF_ERROR(RefuseWindow(fields, *config));
  return absl::OkStatus();
}

}  // namespace cohort::model
