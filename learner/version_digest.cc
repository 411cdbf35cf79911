// SPDX-License-Identifier: Apache-2.0
#include "learner/version_digest.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>

#include <cstdint>

#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "learner/parameter_exchange.h"
#include "learner/run_together.h"
#include "model/weight_sync/weight_digest.h"

namespace cohort::learner {
namespace {

constexpr int64_t kDigestBytes = 32;

absl::Status BroadcastDigest(model::ProcessGroup* group, const at::Device& device, std::string* digest) {
  return kernels::StatusFromTorch("digest of the weights", [&]() -> absl::Status {
    const at::Tensor own = at::from_blob(digest->data(), {kDigestBytes}, at::kByte);
    const at::Tensor bytes = own.to(device, at::kByte, /*non_blocking=*/false, /*copy=*/true);
    COHORT_RETURN_IF_ERROR(group->Broadcast(bytes, /*root=*/0));
    own.copy_(bytes);
    return absl::OkStatus();
  });
}

}  // namespace

absl::StatusOr<VersionDigest> DigestVersion(
    const TrainState& state, model::ProcessGroup* group, absl::Duration pulse,
    const std::function<absl::StatusOr<std::string>(const model::ParameterMap& parameters)>& digest_of) {
  VersionDigest digest;
  const model::ParameterMap& whole = state.parameters->parameters();
  if (state.layers == nullptr) {
    COHORT_ASSIGN_OR_RETURN(digest.weights, digest_of(whole));
    digest.compared = digest.weights;
    return digest;
  }
  COHORT_ASSIGN_OR_RETURN(const model::ParameterMap gathered, ParameterExchange(group, &state).GatherParameters(0));
  digest.weights.assign(kDigestBytes, '\0');
  COHORT_RETURN_IF_ERROR(RunTogether(
      group, state.parameters->device(),
      [&]() -> absl::Status {
        if (group->rank() == 0) {
          COHORT_ASSIGN_OR_RETURN(digest.weights, digest_of(gathered));
        }
        COHORT_ASSIGN_OR_RETURN(const cohort::v1::WeightManifest described, model::DescribeWeights(whole));
        digest.compared = described.digest();
        return absl::OkStatus();
      },
      pulse));
  COHORT_RETURN_IF_ERROR(BroadcastDigest(group, state.parameters->device(), &digest.weights));
  return digest;
}

}  // namespace cohort::learner
