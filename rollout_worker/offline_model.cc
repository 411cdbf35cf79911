// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/offline_model.h"

#include <utility>

#include "common/status_macros.h"
#include "kernels/torch/torch_device.h"
#include "model/model_config.h"
#include "model/weights/checkpoint_folder.h"

namespace cohort::rollout_worker {

absl::StatusOr<OfflineModel> LoadOfflineModel(std::string_view directory, std::string_view device) {
  COHORT_ASSIGN_OR_RETURN(const c10::Device place, kernels::ParseDevice(device));
  COHORT_ASSIGN_OR_RETURN(const model::ModelConfig config, model::LoadModelConfig(directory));
  OfflineModel model;
  COHORT_ASSIGN_OR_RETURN(model.tokenizer, model::Tokenizer::Load(directory));
  COHORT_ASSIGN_OR_RETURN(model::ParameterMap parameters, model::LoadParameters(directory, config, place));
  COHORT_ASSIGN_OR_RETURN(model.decoder, model::Decoder::Create(config, std::move(parameters)));
  return model;
}

}  // namespace cohort::rollout_worker
