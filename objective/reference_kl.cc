// SPDX-License-Identifier: Apache-2.0
#include "objective/reference_kl.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "objective/kl_penalty.h"

namespace cohort::objective {

template <typename Real>
KlLoss AddReferenceKl(const cohort::v1::KlSpec& spec, const cohort::v1::RatioBranch& first_branch,
                      const RatioInputs<Real>& inputs, std::span<const Real> reference_T,
                      std::span<const double> weights_T, std::span<Real> gradient_T) {
  KlLoss result;
  const Segments& segments = inputs.segments;
  const std::vector<double> ratios = spec.importance_weighted() ? SegmentRatios(first_branch, inputs)
                                                                : std::vector<double>(segments.num_segments(), 1);
  std::vector<double> added_T(weights_T.size(), 0.0);
  std::vector<double> e_T(weights_T.size(), 0.0);
  for (int64_t s = 0; s < segments.num_segments(); ++s) {
    for (int64_t t = segments.offsets[s]; t < segments.offsets[s + 1]; ++t) {
      if (inputs.trained.mask_T[t] == 0) continue;
      const KlTerm kl =
          EstimateKl(spec.estimator(), static_cast<double>(inputs.policy_T[t]) - static_cast<double>(reference_T[t]));
      const double weight = spec.coefficient() * weights_T[t] * ratios[s];
      result.sum_kl += kl.value;
      result.loss += weight * kl.value;
      added_T[t] = weight * kl.derivative;
      e_T[t] = weight * kl.value;
    }
  }
  if (spec.importance_weighted()) AddThroughRatios<Real>(first_branch, inputs, e_T, added_T);
  for (size_t t = 0; t < added_T.size(); ++t) gradient_T[t] += static_cast<Real>(added_T[t]);
  return result;
}

template <typename Real>
void SubtractKlFromAdvantages(const cohort::v1::KlSpec& spec, const TokenBatch<Real>& batch,
                              std::span<double> advantages_T) {
  for (size_t t = 0; t < advantages_T.size(); ++t) {
    const double difference =
        static_cast<double>(batch.proximal_logprobs_T[t]) - static_cast<double>(batch.reference_logprobs_T[t]);
    advantages_T[t] -= spec.coefficient() * EstimateKl(spec.estimator(), difference).value;
  }
}

template KlLoss AddReferenceKl(const cohort::v1::KlSpec&, const cohort::v1::RatioBranch&, const RatioInputs<float>&,
                               std::span<const float>, std::span<const double>, std::span<float>);
template KlLoss AddReferenceKl(const cohort::v1::KlSpec&, const cohort::v1::RatioBranch&, const RatioInputs<double>&,
                               std::span<const double>, std::span<const double>, std::span<double>);
template void SubtractKlFromAdvantages(const cohort::v1::KlSpec&, const TokenBatch<float>&, std::span<double>);
template void SubtractKlFromAdvantages(const cohort::v1::KlSpec&, const TokenBatch<double>&, std::span<double>);

}  // namespace cohort::objective
