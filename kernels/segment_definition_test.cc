// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kernels/segment_axes_fixture.h"
#include "kernels/segment_batch_fixture.h"
#include "kernels/segment_objective.h"

namespace cohort::kernels {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Batch<double> GoldenBatch(const nlohmann::json& record) {
  const auto numbers = [&record](const char* key) { return record.value(key, std::vector<double>{}); };
  Batch<double> batch;
  batch.policy = numbers("policy_logprobs");
  batch.proximal = numbers("proximal_logprobs");
  batch.advantages = numbers("advantages");
  batch.weights = numbers("weights");
  batch.low_S = numbers("clip_low_S");
  batch.high_S = numbers("clip_high_S");
  batch.mask = record.value("mask", std::vector<uint8_t>{});
  batch.offsets = record.value("segment_offsets", std::vector<int64_t>{});
  const std::map<std::string, SurrogateKind> kinds = {{"clip", SurrogateKind::kClip},
                                                      {"cispo", SurrogateKind::kCispo},
                                                      {"sapo", SurrogateKind::kSapo},
                                                      {"unclipped", SurrogateKind::kUnclipped}};
  batch.settings.kind = kinds.at(record.value("kind", "clip"));
  batch.settings.flow = record.value("flow", "through") == "local" ? SegmentFlow::kLocal : SegmentFlow::kThrough;
  batch.settings.clip_low = record["clip_low"];
  batch.settings.clip_high = record["clip_high"];
  batch.settings.dual_clip = record.value("dual_clip", kInfinity);
  batch.settings.delta = record.value("delta", kInfinity);
  batch.settings.token_log_clip = record.value("token_log_clip", kInfinity);
  batch.settings.tau_positive = record.value("tau_positive", 1.0);
  batch.settings.tau_negative = record.value("tau_negative", 1.0);
  return batch;
}

template <typename Real>
void ExpectGoldens(double tolerance) {
  std::ifstream file("kernels/testdata/segment_objective_golden.json");
  const nlohmann::json records = nlohmann::json::parse(file)["records"];
  EXPECT_EQ(records.size(), 37u);
  for (const nlohmann::json& record : records) {
    SCOPED_TRACE(record["name"].get<std::string>());
    Batch<Real> batch = Convert<Real>(GoldenBatch(record));
    batch.Compute();
    const double loss = record["loss"];
    EXPECT_NEAR(batch.statistics.loss, loss, tolerance * std::abs(loss));
    const std::vector<double> gradient = record["gradient"];
    ASSERT_EQ(gradient.size(), batch.gradient.size());
    for (size_t t = 0; t < gradient.size(); ++t) {
      EXPECT_NEAR(batch.gradient[t], gradient[t], tolerance * std::abs(gradient[t])) << "token " << t;
    }
  }
}

TEST(SegmentDefinitionTest, MatchesGoldensInDouble) { ExpectGoldens<double>(1e-12); }
TEST(SegmentDefinitionTest, MatchesGoldensInFloat) { ExpectGoldens<float>(1e-5); }

// A number with its derivative with respect to one token's policy log-prob. At a tie the derivative flows.
struct Dual {
  double value;
  double slope = 0;
};
Dual operator+(Dual a, Dual b) { return {a.value + b.value, a.slope + b.slope}; }
Dual operator*(Dual a, Dual b) { return {a.value * b.value, a.slope * b.value + a.value * b.slope}; }
Dual Exp(Dual a) { return {std::exp(a.value), std::exp(a.value) * a.slope}; }
Dual Inverse(Dual a) { return {1 / a.value, -a.slope / (a.value * a.value)}; }
Dual Min(Dual a, Dual b) { return b.value < a.value ? b : a; }
Dual Max(Dual a, Dual b) { return b.value > a.value ? b : a; }
Dual Clamp(Dual a, double low, double high) { return Min(Max(a, {low}), {high}); }
Dual Stop(Dual a) { return {a.value}; }

// The definition in the header, as a program for automatic differentiation: loss and d loss / d policy[seed].
class Definition {
 public:
  explicit Definition(const Batch<double>& batch) : b_(batch), offsets_(batch.offsets) {
    if (!offsets_.empty()) return;
    for (size_t t = 0; t <= b_.policy.size(); ++t) offsets_.push_back(static_cast<int64_t>(t));
  }

  Dual Loss(int64_t seed) const {
    Dual loss{0};
    for (size_t s = 0; s + 1 < offsets_.size(); ++s) loss = loss + SegmentLoss(s, seed);
    return loss;
  }

  SegmentStatistics Statistics() const {
    SegmentStatistics sums{.loss = Loss(-1).value, .min_ratio = kInfinity, .max_ratio = -kInfinity};
    for (size_t s = 0; s + 1 < offsets_.size(); ++s) {
      const double ratio = Ratio(s, -1).value;
      for (int64_t t = offsets_[s]; t < offsets_[s + 1]; ++t) {
        if (IsMasked(t)) continue;
        sums.num_tokens += 1;
        sums.sum_ratio += ratio;
        sums.min_ratio = std::min(sums.min_ratio, ratio);
        sums.max_ratio = std::max(sums.max_ratio, ratio);
        const double low = Low(s, t), high = High(s, t), a = b_.advantages[t], delta = b_.settings.delta;
        if (b_.settings.kind == SurrogateKind::kClip) {
          sums.num_clipped_low += a < 0 && ratio < low;
          sums.num_clipped_high += a > 0 && (ratio > high || ratio > delta);
          sums.num_dual_clipped += a < 0 && (ratio > b_.settings.dual_clip || (ratio > high && ratio > delta));
        } else if (b_.settings.kind == SurrogateKind::kCispo) {
          sums.num_clipped_low += ratio < low;
          sums.num_clipped_high += ratio > high;
        }
      }
    }
    return sums;
  }

 private:
  bool IsMasked(int64_t t) const { return !b_.mask.empty() && b_.mask[t] == 0; }
  Dual Policy(int64_t t, int64_t seed) const { return {b_.policy[t], t == seed ? 1.0 : 0.0}; }
  double Low(size_t s, int64_t t) const {
    return 1 - (!b_.low_T.empty() ? b_.low_T[t] : !b_.low_S.empty() ? b_.low_S[s] : b_.settings.clip_low);
  }
  double High(size_t s, int64_t t) const {
    return 1 + (!b_.high_T.empty() ? b_.high_T[t] : !b_.high_S.empty() ? b_.high_S[s] : b_.settings.clip_high);
  }
  double NumTrained(size_t s) const {
    double count = 0;
    for (int64_t t = offsets_[s]; t < offsets_[s + 1]; ++t) count += !IsMasked(t);
    return count;
  }

  Dual Ratio(size_t s, int64_t seed) const {
    Dual sum{0};
    for (int64_t t = offsets_[s]; t < offsets_[s + 1]; ++t) {
      if (IsMasked(t)) continue;
      Dual l = Clamp(Policy(t, seed) + Dual{-b_.proximal[t]}, -20, 20);
      if (b_.advantages[t] > 0) l = Min(l, {b_.settings.token_log_clip});
      if (b_.advantages[t] < 0) l = Max(l, {-b_.settings.token_log_clip});
      sum = sum + l;
    }
    return Exp(sum * Dual{1 / NumTrained(s)});
  }

  Dual Surrogate(size_t s, int64_t t, Dual ratio, int64_t seed) const {
    const Dual a{b_.advantages[t]}, clipped = Clamp(ratio, Low(s, t), High(s, t));
    switch (b_.settings.kind) {
      case SurrogateKind::kUnclipped:
        return ratio * a;
      case SurrogateKind::kCispo:
        return Stop(clipped) * a * Policy(t, seed);
      case SurrogateKind::kSapo: {
        const double tau = a.value > 0 ? b_.settings.tau_positive : b_.settings.tau_negative;
        const Dual sigmoid = Inverse(Dual{1} + Exp(Dual{-tau} * (ratio + Dual{-1})));
        return Dual{4 / tau} * sigmoid * a;
      }
      case SurrogateKind::kClip:
        break;
    }
    const Dual surrogate = Min(Min(ratio, {b_.settings.delta}) * a, clipped * a);
    return a.value < 0 ? Max(surrogate, {b_.settings.dual_clip * a.value}) : surrogate;
  }

  Dual SegmentLoss(size_t s, int64_t seed) const {
    const Dual ratio = Ratio(s, seed);
    const bool is_local = b_.settings.flow == SegmentFlow::kLocal && NumTrained(s) > 1;
    Dual loss{0};
    for (int64_t t = offsets_[s]; t < offsets_[s + 1]; ++t) {
      if (IsMasked(t)) continue;
      const Dual own = is_local ? Stop(ratio) * Exp(Policy(t, seed) + Dual{-b_.policy[t]}) : ratio;
      loss = loss + Dual{-b_.weights[t]} * Surrogate(s, t, own, seed);
    }
    return loss;
  }

  const Batch<double>& b_;
  std::vector<int64_t> offsets_;
};

template <typename Real>
void ExpectDefinition(const Batch<double>& batch, double tolerance) {
  Batch<Real> ours = Convert<Real>(batch);
  ours.Compute();
  const Definition definition(batch);
  const SegmentStatistics expected = definition.Statistics();
  double scale = 0;
  for (size_t t = 0; t < batch.policy.size(); ++t) scale += std::abs(batch.weights[t] * batch.advantages[t]);
  EXPECT_NEAR(ours.statistics.loss, expected.loss, tolerance * (scale + std::abs(expected.loss)));
  EXPECT_EQ(ours.statistics.num_tokens, expected.num_tokens);
  EXPECT_EQ(ours.statistics.num_clipped_low, expected.num_clipped_low);
  EXPECT_EQ(ours.statistics.num_clipped_high, expected.num_clipped_high);
  EXPECT_EQ(ours.statistics.num_dual_clipped, expected.num_dual_clipped);
  EXPECT_NEAR(ours.statistics.sum_ratio, expected.sum_ratio, tolerance * expected.sum_ratio);
  EXPECT_NEAR(ours.statistics.min_ratio, expected.min_ratio, tolerance * expected.min_ratio);
  EXPECT_NEAR(ours.statistics.max_ratio, expected.max_ratio, tolerance * expected.max_ratio);
  for (size_t t = 0; t < batch.policy.size(); ++t) {
    const double gradient = definition.Loss(static_cast<int64_t>(t)).slope;
    ASSERT_NEAR(ours.gradient[t], gradient, tolerance * (std::abs(gradient) + scale / batch.policy.size())) << t;
  }
}

TEST(SegmentDefinitionTest, EveryAxisMatchesAutomaticDifferentiationOfTheDefinitionInDouble) {
  for (const Axes& axes : AllAxes()) {
    SCOPED_TRACE(axes.Name());
    ExpectDefinition<double>(AxesBatch(axes, 150, 5), 1e-12);
  }
}

TEST(SegmentDefinitionTest, EveryAxisMatchesAutomaticDifferentiationOfTheDefinitionInFloat) {
  for (const Axes& axes : AllAxes()) {
    SCOPED_TRACE(axes.Name());
    ExpectDefinition<float>(AxesBatch(axes, 150, 6), 1e-5);
  }
}

}  // namespace
}  // namespace cohort::kernels
