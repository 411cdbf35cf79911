// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/segment_objective_op.h"

#include <ATen/ops/empty_like.h>
#include <c10/core/GradMode.h>

#include "kernels/segment_objective.h"

namespace cohort::kernels {
namespace {

void CheckBranch(const SegmentBranch& branch) {
  const at::Tensor& policy = branch.policy_logprobs_T;
  TORCH_CHECK(policy.defined() && policy.dim() == 1 &&
                  (policy.scalar_type() == at::kFloat || policy.scalar_type() == at::kDouble),
              "segment objective: policy_logprobs must be [T], fp32 or fp64");
  for (const at::Tensor* other : {&branch.proximal_logprobs_T, &branch.advantages_T, &branch.weights_T}) {
    TORCH_CHECK(other->defined() && other->sizes() == policy.sizes() && other->scalar_type() == policy.scalar_type() &&
                    other->device() == policy.device(),
                "segment objective: inputs differ in shape, dtype or device from policy_logprobs (", policy.sizes(),
                ")");
  }
  if (branch.mask_T.defined()) {
    TORCH_CHECK(branch.mask_T.sizes() == policy.sizes() && branch.mask_T.scalar_type() == at::kByte,
                "segment objective: mask must be [T], uint8");
  }
  const std::vector<int64_t>& offsets = branch.segment_offsets;
  if (offsets.empty()) return;
  TORCH_CHECK(offsets.front() == 0 && offsets.back() == policy.size(0),
              "segment objective: offsets must run from 0 to ", policy.size(0), " (", offsets.front(), " to ",
              offsets.back(), ")");
  for (size_t s = 1; s < offsets.size(); ++s) {
    TORCH_CHECK(offsets[s - 1] <= offsets[s], "segment objective: offset ", s, " descends (", offsets[s - 1], ", ",
                offsets[s], ")");
  }
}

at::Tensor OnHost(const at::Tensor& t) { return t.detach().to(at::kCPU).contiguous(); }

template <typename Real>
SegmentObjectiveResult Compute(const SegmentBranch& branch) {
  const at::Tensor policy = OnHost(branch.policy_logprobs_T), proximal = OnHost(branch.proximal_logprobs_T),
                   advantages = OnHost(branch.advantages_T), weights = OnHost(branch.weights_T);
  const at::Tensor mask = branch.mask_T.defined() ? OnHost(branch.mask_T) : at::Tensor();
  SegmentInputs<Real> inputs;
  inputs.policy_logprobs_T = policy.const_data_ptr<Real>();
  inputs.proximal_logprobs_T = proximal.const_data_ptr<Real>();
  inputs.advantages_T = advantages.const_data_ptr<Real>();
  inputs.weights_T = weights.const_data_ptr<Real>();
  inputs.mask_T = mask.defined() ? mask.const_data_ptr<uint8_t>() : nullptr;
  inputs.num_tokens = policy.size(0);
  if (!branch.segment_offsets.empty()) {
    inputs.segment_offsets = branch.segment_offsets.data();
    inputs.num_segments = static_cast<int64_t>(branch.segment_offsets.size()) - 1;
  }
  inputs.clip_low = static_cast<Real>(branch.clip_low);
  inputs.clip_high = static_cast<Real>(branch.clip_high);
  inputs.flow = branch.through ? SegmentFlow::kThrough : SegmentFlow::kLocal;
  at::Tensor gradient = at::empty_like(policy);
  const SegmentStatistics s = ComputeSegmentObjective<Real>(inputs, gradient.mutable_data_ptr<Real>());
  return {s.loss,
          gradient.to(branch.policy_logprobs_T.device()),
          s.sum_ratio,
          s.min_ratio,
          s.max_ratio,
          s.num_clipped_low,
          s.num_clipped_high,
          s.num_tokens};
}

}  // namespace

SegmentObjectiveResult SegmentObjective(const SegmentBranch& branch) {
  const c10::NoGradGuard no_grad;
  CheckBranch(branch);
  return branch.policy_logprobs_T.scalar_type() == at::kFloat ? Compute<float>(branch) : Compute<double>(branch);
}

}  // namespace cohort::kernels
