// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/offline_model.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_device.h"
#include "model/frozen_parameters.h"
#include "model/model_config.h"
#include "model/precision.h"
#include "model/weights/checkpoint_folder.h"

namespace cohort::rollout_worker {

absl::StatusOr<OfflineModel> LoadOfflineModel(std::string_view directory, std::string_view device,
                                              std::string_view precision_name) {
  if (precision_name != "fp32" && precision_name != "bf16") {
    return absl::InvalidArgumentError(
        absl::StrCat("--precision: must be fp32 or bf16 (", std::string(precision_name), ")"));
  }
  const model::Precision precision = precision_name == "bf16" ? model::Precision::kBf16 : model::Precision::kFp32;
  COHORT_ASSIGN_OR_RETURN(const c10::Device place, kernels::ParseDevice(device));
  COHORT_ASSIGN_OR_RETURN(const model::ModelConfig config, model::LoadModelConfig(directory));
  OfflineModel model;
  COHORT_ASSIGN_OR_RETURN(model.tokenizer, model::Tokenizer::Load(directory));
  COHORT_ASSIGN_OR_RETURN(model::ParameterMap parameters, model::LoadParameters(directory, config, place));
  COHORT_ASSIGN_OR_RETURN(parameters, model::FrozenParameters(std::move(parameters), precision));
  COHORT_ASSIGN_OR_RETURN(model.decoder,
                          model::Decoder::Create(config, std::move(parameters), {.precision = precision}));
  return model;
}

}  // namespace cohort::rollout_worker
