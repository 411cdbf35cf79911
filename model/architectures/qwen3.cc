// SPDX-License-Identifier: Apache-2.0
#include "model/architectures/qwen3.h"

#include "common/status_macros.h"
#include "model/architectures/rope_config.h"
#include "model/architectures/transformer_config.h"

namespace cohort::model {

absl::Status ReadQwen3Config(const JsonFields& fields, ModelConfig* config) {
  COHORT_RETURN_IF_ERROR(CheckTransformerFeatures(fields, "qwen3"));
  COHORT_RETURN_IF_ERROR(RefuseAttentionBias(fields));
  COHORT_RETURN_IF_ERROR(ReadTransformerShape(fields, {}, config));
  COHORT_RETURN_IF_ERROR(ReadRope(fields, config));
  COHORT_RETURN_IF_ERROR(ReadSwitchedWindow(fields, config));
  config->has_qk_norm = true;
  return absl::OkStatus();
}

}  // namespace cohort::model
