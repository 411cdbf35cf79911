// SPDX-License-Identifier: Apache-2.0
#include "learner/policy.h"

#include <cstddef>
#include <utility>

#include "common/status_macros.h"
#include "learner/parameter_selection.h"
#include "model/architectures/architecture_table.h"
#include "model/frozen_parameters.h"
#include "model/model_config.h"
#include "model/weight_sync/weight_digest.h"
#include "model/weights/checkpoint_folder.h"

namespace cohort::learner {
namespace {

// No rank has room for all weights: parameter by parameter.
absl::Status LoadPieces(std::string_view model_path, const model::ModelConfig& config, FlatParameters* parameters,
                        std::string* digest) {
  model::WeightDigest seen;
  COHORT_RETURN_IF_ERROR(
      model::VisitParameters(model_path, config, [&](size_t index, const at::Tensor& values) -> absl::Status {
        parameters->SetWeights(index, values.flatten());
        if (digest != nullptr) seen.Add(parameters->layout().spans[index].name, values);
        return absl::OkStatus();
      }));
  if (digest != nullptr) *digest = seen.Digest();
  return absl::OkStatus();
}

// The digest is that of what is in memory then.
absl::Status LoadWhole(std::string_view model_path, const model::ModelConfig& config,
                       const model::ParameterMap& parameters, std::string* digest) {
  COHORT_RETURN_IF_ERROR(model::LoadParametersInto(model_path, config, parameters));
  if (digest == nullptr) return absl::OkStatus();
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::WeightManifest manifest, model::DescribeWeights(parameters));
  *digest = manifest.digest();
  return absl::OkStatus();
}

}  // namespace

bool ShardsLayers(const cohort::v1::OptimizerSpec& spec) {
  return spec.sharding() == cohort::v1::OPTIMIZER_SHARDING_ZERO3;
}

absl::StatusOr<Policy> LoadPolicy(std::string_view model_path, const PolicyOptions& options, std::string* digest) {
  Policy policy;
  COHORT_ASSIGN_OR_RETURN(const model::ModelConfig config, model::LoadModelConfig(model_path));
  if (options.is_frozen && !options.shards_layers) {
    COHORT_ASSIGN_OR_RETURN(model::ParameterMap parameters, model::LoadParameters(model_path, config, options.device));
    COHORT_ASSIGN_OR_RETURN(parameters, model::FrozenParameters(std::move(parameters), options.precision));
    COHORT_ASSIGN_OR_RETURN(policy.decoder,
                            model::Decoder::Create(config, std::move(parameters), {.precision = options.precision}));
    return policy;
  }
  COHORT_ASSIGN_OR_RETURN(
      policy.parameters,
      FlatParameters::Create(SelectParameters(model::FindArchitecture(config.architecture)->parameters(config)),
                             options.device, options.place,
                             {.layout = {.shards_layers = options.shards_layers}, .is_frozen = options.is_frozen}));
  if (options.shards_layers) {
    COHORT_RETURN_IF_ERROR(LoadPieces(model_path, config, policy.parameters.get(), digest));
    COHORT_ASSIGN_OR_RETURN(policy.layers, ShardedLayers::Create(policy.parameters.get()));
  } else {
    COHORT_RETURN_IF_ERROR(LoadWhole(model_path, config, policy.parameters->parameters(), digest));
  }
  COHORT_ASSIGN_OR_RETURN(policy.decoder,
                          model::Decoder::Create(config, policy.parameters->parameters(),
                                                 {.precision = options.precision, .layers = policy.layers.get()}));
  return policy;
}

}  // namespace cohort::learner
