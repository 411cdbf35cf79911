// SPDX-License-Identifier: Apache-2.0
#include "objective/segment_ratio.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace cohort::objective {
namespace {

using cohort::v1::RatioBranch;

constexpr double kMaxLogRatio = 20;

// phi and whether it moves with x.
struct TokenRatio {
  double phi;
  bool moves;
};

template <typename Real>
TokenRatio RatioOf(const RatioBranch& branch, const RatioInputs<Real>& inputs, int64_t t) {
  const double difference = static_cast<double>(inputs.policy_T[t]) - static_cast<double>(inputs.proximal_T[t]);
  TokenRatio ratio{.phi = std::clamp(difference, -kMaxLogRatio, kMaxLogRatio),
                   .moves = std::abs(difference) <= kMaxLogRatio};
  if (!branch.has_token_log_clip()) return ratio;
  const double limit = branch.token_log_clip();
  if (inputs.advantages_T[t] > 0 && ratio.phi > limit) return {.phi = limit, .moves = false};
  if (inputs.advantages_T[t] < 0 && ratio.phi < -limit) return {.phi = -limit, .moves = false};
  return ratio;
}

}  // namespace

template <typename Real>
std::vector<double> SegmentRatios(const RatioBranch& branch, const RatioInputs<Real>& inputs) {
  const Segments& segments = inputs.segments;
  std::vector<double> ratios;
  ratios.reserve(segments.num_tokens.size());
  for (int64_t s = 0; s < segments.num_segments(); ++s) {
    double sum = 0;
    for (int64_t t = segments.offsets[s]; t < segments.offsets[s + 1]; ++t) {
      if (inputs.trained.mask_T[t]) sum += RatioOf(branch, inputs, t).phi;
    }
    ratios.push_back(segments.num_tokens[s] > 0 ? std::exp(sum / segments.num_tokens[s]) : 1);
  }
  return ratios;
}

template <typename Real>
void AddThroughRatios(const RatioBranch& branch, const RatioInputs<Real>& inputs, std::span<const double> e_T,
                      std::span<double> gradient_T) {
  const Segments& segments = inputs.segments;
  for (int64_t s = 0; s < segments.num_segments(); ++s) {
    const bool is_through = branch.flow() == cohort::v1::GRADIENT_FLOW_THROUGH || segments.num_tokens[s] == 1;
    double sum = 0;
    for (int64_t t = segments.offsets[s]; t < segments.offsets[s + 1]; ++t)
      sum += inputs.trained.mask_T[t] ? e_T[t] : 0;
    for (int64_t t = segments.offsets[s]; t < segments.offsets[s + 1]; ++t) {
      if (inputs.trained.mask_T[t] == 0) continue;
      if (!is_through) {
        gradient_T[t] += e_T[t];
      } else if (RatioOf(branch, inputs, t).moves) {
        gradient_T[t] += sum / segments.num_tokens[s];
      }
    }
  }
}

template std::vector<double> SegmentRatios(const RatioBranch&, const RatioInputs<float>&);
template std::vector<double> SegmentRatios(const RatioBranch&, const RatioInputs<double>&);
template void AddThroughRatios(const RatioBranch&, const RatioInputs<float>&, std::span<const double>,
                               std::span<double>);
template void AddThroughRatios(const RatioBranch&, const RatioInputs<double>&, std::span<const double>,
                               std::span<double>);

}  // namespace cohort::objective
