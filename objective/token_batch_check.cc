// SPDX-License-Identifier: Apache-2.0
// Shapes: T trained tokens, S sequences.
#include "objective/token_batch_check.h"

#include <ATen/ops/isfinite.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::objective {
namespace {

absl::Status CheckOffsets(const std::vector<int64_t>& cu_seqlens, int64_t num_tokens) {
  if (cu_seqlens.empty() || cu_seqlens.front() != 0 || cu_seqlens.back() != num_tokens ||
      !std::is_sorted(cu_seqlens.begin(), cu_seqlens.end())) {
    return absl::InvalidArgumentError(
        absl::StrCat("cu_seqlens: must rise from 0 to the number of tokens (", num_tokens, ")"));
  }
  return absl::OkStatus();
}

absl::Status CheckTensor(std::string_view name_view, const at::Tensor& tensor_T, const TokenBatch& batch) {
  const absl::string_view name(name_view.data(), name_view.size());
  const at::Tensor& policy = batch.policy_logprobs_T;
  if (!tensor_T.defined()) return absl::InvalidArgumentError(absl::StrCat(name, ": missing"));
  if (tensor_T.dim() != 1 || tensor_T.size(0) != policy.size(0) || tensor_T.scalar_type() != policy.scalar_type() ||
      tensor_T.device() != policy.device()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": shape, dtype or device differs from policy_logprobs"));
  }
  const at::Tensor is_finite_T = tensor_T.isfinite();
  if (is_finite_T.all().item<bool>()) return absl::OkStatus();
  const int64_t token = is_finite_T.logical_not().nonzero()[0][0].item<int64_t>();
  const auto next = std::upper_bound(batch.cu_seqlens.begin(), batch.cu_seqlens.end(), token);
  const int64_t sequence = (next - batch.cu_seqlens.begin()) - 1;
  return absl::InvalidArgumentError(absl::StrCat(name, ": not finite (", tensor_T[token].item<double>(), "), sequence ",
                                                 sequence, " token ", token - batch.cu_seqlens[sequence]));
}

absl::Status CheckAdvantages(const TokenBatch& batch) {
  if (batch.advantages.size() + 1 != batch.cu_seqlens.size()) {
    return absl::InvalidArgumentError(absl::StrCat("advantages: one per sequence expected (", batch.advantages.size(),
                                                   " for ", batch.cu_seqlens.size() - 1, ")"));
  }
  for (size_t i = 0; i < batch.advantages.size(); ++i) {
    if (!std::isfinite(batch.advantages[i])) {
      return absl::InvalidArgumentError(
          absl::StrCat("advantages: not finite (", batch.advantages[i], "), sequence ", i));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckTokenBatch(const TokenBatch& batch, bool needs_rollouts) {
  const at::Tensor& policy = batch.policy_logprobs_T;
  if (!policy.defined() || policy.dim() != 1 || !at::isFloatingType(policy.scalar_type())) {
    return absl::InvalidArgumentError("policy_logprobs: one floating-point number per token expected");
  }
  COHORT_RETURN_IF_ERROR(CheckOffsets(batch.cu_seqlens, policy.size(0)));
  COHORT_RETURN_IF_ERROR(CheckTensor("policy_logprobs", policy, batch));
  COHORT_RETURN_IF_ERROR(CheckTensor("entropies", batch.entropies_T, batch));
  if (!needs_rollouts) return absl::OkStatus();
  COHORT_RETURN_IF_ERROR(CheckTensor("proximal_logprobs", batch.proximal_logprobs_T, batch));
  COHORT_RETURN_IF_ERROR(CheckTensor("behavior_logprobs", batch.behavior_logprobs_T, batch));
  return CheckAdvantages(batch);
}

}  // namespace cohort::objective
