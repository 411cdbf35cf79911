// SPDX-License-Identifier: Apache-2.0
#include "objective/segment_surrogate.h"

#include <cstdint>
#include <vector>

#include "kernels/segment_objective.h"

namespace cohort::objective {
namespace {

using cohort::v1::RatioBranch;

kernels::SurrogateKind KindOf(const RatioBranch& branch) {
  switch (branch.kind()) {
    case cohort::v1::SURROGATE_KIND_CISPO:
      return kernels::SurrogateKind::kCispo;
    case cohort::v1::SURROGATE_KIND_SAPO:
      return kernels::SurrogateKind::kSapo;
    case cohort::v1::SURROGATE_KIND_UNCLIPPED:
      return kernels::SurrogateKind::kUnclipped;
    default:
      return kernels::SurrogateKind::kClip;
  }
}

template <typename Real>
std::vector<Real> As(std::span<const double> values) {
  return std::vector<Real>(values.begin(), values.end());
}

// What the operator reads beside the batch's own tensors.
template <typename Real>
struct Converted {
  std::vector<Real> advantages_T;
  std::vector<Real> weights_T;
  std::vector<Real> low_units;
  std::vector<Real> high_units;
};

template <typename Real>
void SetBounds(const ClipRange& range, const Converted<Real>& converted, kernels::SegmentInputs<Real>* inputs) {
  inputs->clip_low = static_cast<Real>(range.low);
  inputs->clip_high = static_cast<Real>(range.high);
  if (range.low_units.empty()) return;
  (range.is_per_token ? inputs->clip_low_T : inputs->clip_low_S) = converted.low_units.data();
  (range.is_per_token ? inputs->clip_high_T : inputs->clip_high_S) = converted.high_units.data();
}

template <typename Real>
void SetCaps(const RatioBranch& branch, kernels::SegmentInputs<Real>* inputs) {
  if (branch.has_dual_clip()) inputs->dual_clip = static_cast<Real>(branch.dual_clip());
  if (branch.has_delta()) inputs->delta = static_cast<Real>(branch.delta());
  if (branch.has_token_log_clip()) inputs->token_log_clip = static_cast<Real>(branch.token_log_clip());
  if (branch.has_tau_positive()) inputs->tau_positive = static_cast<Real>(branch.tau_positive());
  if (branch.has_tau_negative()) inputs->tau_negative = static_cast<Real>(branch.tau_negative());
}

}  // namespace

template <typename Real>
SurrogateLoss AddSurrogate(const RatioBranch& branch, const RatioInputs<Real>& inputs, const ClipRange& range,
                           std::span<const double> weights_T, std::span<Real> gradient_T) {
  if (weights_T.empty()) return {};
  const Converted<Real> converted = {.advantages_T = As<Real>(inputs.advantages_T),
                                     .weights_T = As<Real>(weights_T),
                                     .low_units = As<Real>(range.low_units),
                                     .high_units = As<Real>(range.high_units)};
  kernels::SegmentInputs<Real> in = {.policy_logprobs_T = inputs.policy_T.data(),
                                     .proximal_logprobs_T = inputs.proximal_T.data(),
                                     .advantages_T = converted.advantages_T.data(),
                                     .weights_T = converted.weights_T.data()};
  in.mask_T = inputs.trained.mask_T.data();
  in.num_tokens = static_cast<int64_t>(weights_T.size());
  if (!inputs.segments.is_token_level) {
    in.segment_offsets = inputs.segments.offsets.data();
    in.num_segments = inputs.segments.num_segments();
  }
  in.kind = KindOf(branch);
  in.flow =
      branch.flow() == cohort::v1::GRADIENT_FLOW_LOCAL ? kernels::SegmentFlow::kLocal : kernels::SegmentFlow::kThrough;
  SetBounds(range, converted, &in);
  SetCaps(branch, &in);
  in.adds_to_gradient = true;
  const kernels::SegmentStatistics found = kernels::ComputeSegmentObjective(in, gradient_T.data());
  return {.loss = found.loss,
          .statistics = {.sum_ratio = found.sum_ratio,
                         .min_ratio = found.min_ratio,
                         .max_ratio = found.max_ratio,
                         .num_clipped_low = found.num_clipped_low,
                         .num_clipped_high = found.num_clipped_high,
                         .num_dual_clipped = found.num_dual_clipped}};
}

template SurrogateLoss AddSurrogate(const RatioBranch&, const RatioInputs<float>&, const ClipRange&,
                                    std::span<const double>, std::span<float>);
template SurrogateLoss AddSurrogate(const RatioBranch&, const RatioInputs<double>&, const ClipRange&,
                                    std::span<const double>, std::span<double>);

}  // namespace cohort::objective
