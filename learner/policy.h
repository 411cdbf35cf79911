// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_POLICY_H_
#define COHORT_LEARNER_POLICY_H_

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cohort/v1/optimizer_spec.pb.h"
#include "learner/flat_parameters.h"
#include "learner/sharded_layers.h"
#include "model/decoder.h"
#include "model/precision.h"

namespace cohort::learner {

// A policy as one rank holds it. Not thread-safe.
struct Policy {
  std::unique_ptr<FlatParameters> parameters;  // null: frozen, the decoder alone has them
  std::unique_ptr<ShardedLayers> layers;       // null: this rank has all weights
  std::unique_ptr<model::Decoder> decoder;     // computes with both
};

struct PolicyOptions {
  at::Device device = at::kCPU;
  RankPlace place;
  bool shards_layers = false;  // ZeRO-3
  model::Precision precision = model::Precision::kFp32;
  bool is_frozen = false;  // no gradients; weights are rounded to the precision once, but for pieces of layers
};

// Whether ranks share the layers' weights.
bool ShardsLayers(const cohort::v1::OptimizerSpec& spec);

// The policy with the weights of a model folder, read straight into place. `digest`, unless null, gets that of the
// weights (model/weight_sync/manifest_digest.h), 32 bytes; it must be null for a frozen one. Errors as
// model::LoadParameters.
absl::StatusOr<Policy> LoadPolicy(std::string_view model_path, const PolicyOptions& options,
                                  std::string* digest = nullptr);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_POLICY_H_
