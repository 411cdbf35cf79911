// SPDX-License-Identifier: Apache-2.0
#include "model/architectures/mistral.h"

#include "common/status_macros.h"
#include "model/architectures/rope_config.h"
#include "model/architectures/transformer_config.h"

namespace cohort::model {

absl::Status ReadMistralConfig(const JsonFields& fields, ModelConfig* config) {
  COHORT_RETURN_IF_ERROR(CheckTransformerFeatures(fields, "mistral"));
  COHORT_RETURN_IF_ERROR(RefuseAttentionBias(fields));
  COHORT_RETURN_IF_ERROR(ReadTransformerShape(fields, {.head_dim_from_hidden_size = true}, config));
  COHORT_RETURN_IF_ERROR(ReadRope(fields, config));
  COHORT_RETURN_IF_ERROR(ReadUniformWindow(fields, config));
  return absl::OkStatus();
}

}  // namespace cohort::model
