// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_SEGMENT_SURROGATE_H_
#define COHORT_KERNELS_SEGMENT_SURROGATE_H_

// One token of kernels/segment_objective.h in fp64, for the CPU and for CUDA. Internal to kernels/.

#include <math.h>

#include "kernels/segment_objective.h"

#ifdef __CUDACC__
#define COHORT_HOST_DEVICE __host__ __device__
#else
#define COHORT_HOST_DEVICE
#endif

namespace cohort::kernels {

inline constexpr double kMaxLogRatio = 20.0;

// Comparisons keep a NaN in x.
COHORT_HOST_DEVICE inline double AtMost(double x, double high) { return x > high ? high : x; }
COHORT_HOST_DEVICE inline double AtLeast(double x, double low) { return x < low ? low : x; }

template <typename Real>
COHORT_HOST_DEVICE bool IsTrained(const SegmentInputs<Real>& in, int64_t t) {
  return in.mask_T == nullptr || in.mask_T[t] != 0;
}

struct TokenLogRatio {
  double value;  // phi_t
  bool flows;    // c_t
};

template <typename Real>
COHORT_HOST_DEVICE TokenLogRatio LogRatioOf(const SegmentInputs<Real>& in, int64_t t) {
  const double difference = static_cast<double>(in.policy_logprobs_T[t] - in.proximal_logprobs_T[t]);
  const double advantage = in.advantages_T[t], clip = in.token_log_clip;
  double value = AtLeast(AtMost(difference, kMaxLogRatio), -kMaxLogRatio);
  if (advantage > 0) value = AtMost(value, clip);
  if (advantage < 0) value = AtLeast(value, -clip);
  return {value, value == difference || difference != difference};
}

struct RatioBounds {
  double low;
  double high;
};

template <typename Real>
COHORT_HOST_DEVICE RatioBounds BoundsOf(const SegmentInputs<Real>& in, int64_t s, int64_t t) {
  if (in.clip_low_T != nullptr) {
    return {1.0 - static_cast<double>(in.clip_low_T[t]), 1.0 + static_cast<double>(in.clip_high_T[t])};
  }
  if (in.clip_low_S != nullptr) {
    return {1.0 - static_cast<double>(in.clip_low_S[s]), 1.0 + static_cast<double>(in.clip_high_S[s])};
  }
  return {1.0 - static_cast<double>(in.clip_low), 1.0 + static_cast<double>(in.clip_high)};
}

struct TokenSurrogate {
  double value;  // u_t
  double slope;  // A_t s_t
  bool is_clipped_low;
  bool is_clipped_high;
  bool is_dual_clipped;
};

// For A > 0 the surrogate is A min(rho, ceiling), for A < 0 it is A min(max(rho, low), ceiling).
template <typename Real>
COHORT_HOST_DEVICE TokenSurrogate ClipSurrogate(const SegmentInputs<Real>& in, double ratio, RatioBounds bounds,
                                                double advantage) {
  const double delta = in.delta;
  const bool is_positive = advantage > 0, is_negative = advantage < 0;
  const double ceiling =
      is_positive ? AtMost(bounds.high, delta) : AtMost(AtLeast(bounds.high, delta), static_cast<double>(in.dual_clip));
  const bool is_low = is_negative && ratio < bounds.low;
  const bool is_high = is_positive && ratio > ceiling, is_dual = is_negative && ratio > ceiling;
  const double factor = AtMost(is_low ? bounds.low : ratio, ceiling);
  const double slope = is_low || is_high || is_dual ? 0.0 : ratio * advantage;
  return {factor * advantage, slope, is_low, is_high, is_dual};
}

// sigmoid and its slope from exp(-|z|), which neither overflows nor cancels.
template <typename Real>
COHORT_HOST_DEVICE TokenSurrogate SapoSurrogate(const SegmentInputs<Real>& in, double ratio, double advantage) {
  const double tau = advantage > 0 ? in.tau_positive : in.tau_negative;
  const double z = tau * (ratio - 1.0);
  const double q = exp(z > 0 ? -z : z);
  const double sigmoid = (z > 0 ? 1.0 : q) / (1.0 + q), slope = 4.0 * q / ((1.0 + q) * (1.0 + q));
  return {4.0 / tau * sigmoid * advantage, ratio * slope * advantage, false, false, false};
}

template <typename Real>
COHORT_HOST_DEVICE TokenSurrogate SurrogateOf(const SegmentInputs<Real>& in, int64_t s, int64_t t, double ratio) {
  const double advantage = in.advantages_T[t];
  if (in.kind == SurrogateKind::kUnclipped) return {ratio * advantage, ratio * advantage, false, false, false};
  if (in.kind == SurrogateKind::kSapo) return SapoSurrogate(in, ratio, advantage);
  const RatioBounds bounds = BoundsOf(in, s, t);
  if (in.kind == SurrogateKind::kClip) return ClipSurrogate(in, ratio, bounds, advantage);
  const double factor = AtMost(AtLeast(ratio, bounds.low), bounds.high);
  return {factor * advantage * in.policy_logprobs_T[t], factor * advantage, ratio<bounds.low, ratio> bounds.high,
          false};
}

// e_t; +0 where there is no slope.
COHORT_HOST_DEVICE inline double ErrorOf(const TokenSurrogate& surrogate, double weight) {
  return surrogate.slope == 0.0 ? 0.0 : -weight * surrogate.slope;
}

// Whether g_t is e_t itself rather than its segment's mean.
template <typename Real>
COHORT_HOST_DEVICE bool IsLocal(const SegmentInputs<Real>& in, double num_trained) {
  return in.kind == SurrogateKind::kCispo || (in.flow == SegmentFlow::kLocal && num_trained > 1);
}

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SEGMENT_SURROGATE_H_
