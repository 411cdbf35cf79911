// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_SEGMENT_BATCH_FIXTURE_H_
#define COHORT_KERNELS_SEGMENT_BATCH_FIXTURE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "kernels/segment_objective.h"

namespace cohort::kernels {

// A batch that owns its arrays.
template <typename Real>
struct Batch {
  std::vector<Real> policy, proximal, advantages, weights, low_S, high_S, low_T, high_T;
  std::vector<uint8_t> mask;
  std::vector<int64_t> offsets;
  SegmentInputs<Real> settings{.clip_low = Real{0.2}, .clip_high = Real{0.2}};  // everything but the pointers
  std::vector<Real> gradient;
  SegmentStatistics statistics;

  SegmentInputs<Real> Inputs() const {
    SegmentInputs<Real> in = settings;
    in.policy_logprobs_T = policy.data();
    in.proximal_logprobs_T = proximal.data();
    in.advantages_T = advantages.data();
    in.weights_T = weights.data();
    in.mask_T = mask.empty() ? nullptr : mask.data();
    in.num_tokens = static_cast<int64_t>(policy.size());
    in.segment_offsets = offsets.empty() ? nullptr : offsets.data();
    in.num_segments = static_cast<int64_t>(offsets.size()) - 1;
    in.clip_low_S = low_S.empty() ? nullptr : low_S.data();
    in.clip_high_S = high_S.empty() ? nullptr : high_S.data();
    in.clip_low_T = low_T.empty() ? nullptr : low_T.data();
    in.clip_high_T = high_T.empty() ? nullptr : high_T.data();
    return in;
  }

  void Compute(CpuTarget target = BestCpuTarget()) {
    if (!settings.adds_to_gradient) gradient.assign(policy.size(), std::numeric_limits<Real>::quiet_NaN());
    statistics = ComputeSegmentObjective<Real>(Inputs(), gradient.data(), target);
  }
};

template <typename To, typename From>
Batch<To> Convert(const Batch<From>& from) {
  const auto as = [](const std::vector<From>& v) { return std::vector<To>(v.begin(), v.end()); };
  Batch<To> to;
  to.policy = as(from.policy);
  to.proximal = as(from.proximal);
  to.advantages = as(from.advantages);
  to.weights = as(from.weights);
  to.low_S = as(from.low_S);
  to.high_S = as(from.high_S);
  to.low_T = as(from.low_T);
  to.high_T = as(from.high_T);
  to.mask = from.mask;
  to.offsets = from.offsets;
  const SegmentInputs<From>& s = from.settings;
  to.settings.kind = s.kind;
  to.settings.flow = s.flow;
  to.settings.clip_low = static_cast<To>(s.clip_low);
  to.settings.clip_high = static_cast<To>(s.clip_high);
  to.settings.dual_clip = static_cast<To>(s.dual_clip);
  to.settings.delta = static_cast<To>(s.delta);
  to.settings.token_log_clip = static_cast<To>(s.token_log_clip);
  to.settings.tau_positive = static_cast<To>(s.tau_positive);
  to.settings.tau_negative = static_cast<To>(s.tau_negative);
  to.settings.adds_to_gradient = s.adds_to_gradient;
  return to;
}

// Random tokens; |x - o| reaches past the clip bounds, now and then past 20; weights differ.
inline Batch<double> RandomBatch(int64_t num_tokens, uint32_t seed = 5) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  const auto number = [&](double scale) { return static_cast<double>(static_cast<float>(scale * normal(generator))); };
  Batch<double> batch;
  for (int64_t t = 0; t < num_tokens; ++t) {
    batch.proximal.push_back(-std::abs(number(1.0)));
    batch.policy.push_back(static_cast<float>(batch.proximal.back() + number(0.3)));
    if (t % 97 == 41) batch.policy.back() += t % 2 == 0 ? 24 : -24;
    batch.advantages.push_back(t % 7 == 0 ? 0.0 : number(1.0));
    batch.weights.push_back(static_cast<float>((1 + 0.5 * std::sin(t)) / static_cast<double>(num_tokens)));
    batch.mask.push_back(t % 5 != 0);
  }
  return batch;
}

// Ragged: one token, none, some longer than 16.
inline std::vector<int64_t> RaggedOffsets(int64_t num_tokens, uint32_t seed = 9, int64_t longest = 40) {
  std::mt19937 generator(seed);
  std::vector<int64_t> offsets = {0};
  while (offsets.back() < num_tokens) {
    offsets.push_back(std::min<int64_t>(num_tokens, offsets.back() + static_cast<int64_t>(generator() % longest)));
  }
  return offsets;
}

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SEGMENT_BATCH_FIXTURE_H_
