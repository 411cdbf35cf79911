// SPDX-License-Identifier: Apache-2.0
#include "objective/token_metrics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace cohort::objective {
namespace {

// Sums of f(t) over the trained tokens.
template <typename F>
double SumOver(const TrainedTokens& trained, const F& value_of) {
  double sum = 0;
  for (size_t t = 0; t < trained.mask_T.size(); ++t) {
    if (trained.mask_T[t]) sum += value_of(t);
  }
  return sum;
}

double Square(double value) { return value * value; }

// k3 estimate of KL(p || q) from a token of p, with log_ratio = log q - log p.
double K3(double log_ratio) { return std::expm1(log_ratio) - log_ratio; }

// Keeps exp of a hostile difference finite.
double Clamped(double difference) { return std::clamp(difference, -20.0, 20.0); }

void AddAdvantages(const TrainedTokens& trained, std::span<const double> advantages_T, MetricSums* sums) {
  (*sums)["sum_advantage"] = SumOver(trained, [&](size_t t) { return advantages_T[t]; });
  (*sums)["sum_advantage_abs"] = SumOver(trained, [&](size_t t) { return std::abs(advantages_T[t]); });
  (*sums)["sum_advantage_squared"] = SumOver(trained, [&](size_t t) { return Square(advantages_T[t]); });
  double num_zero_signal = 0;
  double lowest = std::numeric_limits<double>::infinity();
  double highest = -lowest;
  for (size_t i = 0; i < trained.sequences_S.size(); ++i) {
    // A sequence without a trained token has no signal to miss.
    bool is_trained = false, is_zero = true;
    for (int64_t t = trained.cu_seqlens[i]; t < trained.cu_seqlens[i + 1]; ++t) {
      if (trained.mask_T[t] == 0) continue;
      is_trained = true;
      is_zero = is_zero && advantages_T[t] == 0;
      lowest = std::min(lowest, advantages_T[t]);
      highest = std::max(highest, advantages_T[t]);
    }
    num_zero_signal += is_trained && is_zero ? 1 : 0;
  }
  if (lowest <= highest) AddMetrics({{"min_advantage", lowest}, {"max_advantage", highest}}, sums);
  (*sums)["count_zero_signal_sequences"] = num_zero_signal;
}

template <typename Real>
void AddProximalMetrics(const TokenBatch<Real>& batch, const TrainedTokens& trained, MetricSums* sums) {
  const auto log_ratio = [&](size_t t) {
    return Clamped(static_cast<double>(batch.policy_logprobs_T[t]) - static_cast<double>(batch.proximal_logprobs_T[t]));
  };
  (*sums)["sum_kl_k1"] = SumOver(trained, [&](size_t t) { return -log_ratio(t); });
  (*sums)["sum_kl_k3"] = SumOver(trained, [&](size_t t) { return K3(log_ratio(t)); });
  (*sums)["sum_token_ratio"] = SumOver(trained, [&](size_t t) { return std::exp(log_ratio(t)); });
  (*sums)["sum_token_ratio_squared"] = SumOver(trained, [&](size_t t) { return std::exp(2 * log_ratio(t)); });
}

template <typename Real>
void AddReferenceMetrics(const TokenBatch<Real>& batch, const TrainedTokens& trained, MetricSums* sums) {
  const auto difference = [&](size_t t) {
    return static_cast<double>(batch.policy_logprobs_T[t]) - static_cast<double>(batch.reference_logprobs_T[t]);
  };
  (*sums)["sum_reference_kl_k1"] = SumOver(trained, difference);
  (*sums)["sum_reference_kl_k3"] = SumOver(trained, [&](size_t t) { return K3(Clamped(-difference(t))); });
}

}  // namespace

template <typename Real>
void AddTokenMetrics(const TokenBatch<Real>& batch, const TrainedTokens& trained, std::span<const double> advantages_T,
                     MetricSums* sums) {
  (*sums)["count_tokens"] = SumOver(trained, [](size_t) { return 1.0; });
  (*sums)["count_sequences"] = static_cast<double>(trained.sequences_S.size());
  if (!batch.policy_entropies_T.empty()) {
    (*sums)["sum_entropy"] = SumOver(trained, [&](size_t t) { return batch.policy_entropies_T[t]; });
  }
  if (!advantages_T.empty()) AddAdvantages(trained, advantages_T, sums);
  if (!batch.proximal_logprobs_T.empty()) AddProximalMetrics(batch, trained, sums);
  if (!batch.reference_logprobs_T.empty()) AddReferenceMetrics(batch, trained, sums);
}

template <typename Real>
void AddMismatchMetrics(const TokenBatch<Real>& batch, const TrainedTokens& trained, MetricSums* sums) {
  if (batch.proximal_logprobs_T.empty() || batch.behavior_logprobs_T.empty()) return;
  const auto difference = [&](size_t t) {
    return static_cast<double>(batch.proximal_logprobs_T[t]) - static_cast<double>(batch.behavior_logprobs_T[t]);
  };
  (*sums)["count_behavior_tokens"] = SumOver(trained, [](size_t) { return 1.0; });
  (*sums)["sum_mismatch_abs"] = SumOver(trained, [&](size_t t) { return std::abs(difference(t)); });
  (*sums)["sum_mismatch_kl_k1"] = SumOver(trained, [&](size_t t) { return -difference(t); });
  (*sums)["sum_mismatch_kl_k3"] = SumOver(trained, [&](size_t t) { return K3(Clamped(difference(t))); });
  (*sums)["sum_mismatch_weight"] = SumOver(trained, [&](size_t t) { return std::exp(Clamped(difference(t))); });
  (*sums)["sum_mismatch_weight_squared"] =
      SumOver(trained, [&](size_t t) { return std::exp(2 * Clamped(difference(t))); });
  double max_abs = 0;
  SumOver(trained, [&](size_t t) {
    max_abs = std::max(max_abs, std::abs(difference(t)));
    return 0.0;
  });
  (*sums)["max_mismatch_abs"] = max_abs;
}

void AddFactorMetrics(const TrainedTokens& trained, std::span<const double> factors_T,
                      std::span<const uint8_t> selected_T, MetricSums* sums) {
  (*sums)["sum_mismatch_factor"] = SumOver(trained, [&](size_t t) { return factors_T[t]; });
  (*sums)["sum_mismatch_factor_squared"] = SumOver(trained, [&](size_t t) { return Square(factors_T[t]); });
  (*sums)["count_mismatch_masked"] = SumOver(trained, [&](size_t t) { return factors_T[t] == 0 ? 1.0 : 0.0; });
  (*sums)["count_unselected"] = SumOver(trained, [&](size_t t) { return selected_T[t] ? 0.0 : 1.0; });
}

void AddBranchMetrics(const BranchStatistics& statistics, const std::string& suffix, MetricSums* sums) {
  (*sums)["sum_ratio" + suffix] = statistics.sum_ratio;
  (*sums)["count_clipped_low" + suffix] = statistics.num_clipped_low;
  (*sums)["count_clipped_high" + suffix] = statistics.num_clipped_high;
  (*sums)["count_dual_clipped" + suffix] = statistics.num_dual_clipped;
  if (statistics.min_ratio > statistics.max_ratio) return;  // no trained token
  (*sums)["min_ratio" + suffix] = statistics.min_ratio;
  (*sums)["max_ratio" + suffix] = statistics.max_ratio;
}

template void AddTokenMetrics(const TokenBatch<float>&, const TrainedTokens&, std::span<const double>, MetricSums*);
template void AddTokenMetrics(const TokenBatch<double>&, const TrainedTokens&, std::span<const double>, MetricSums*);
template void AddMismatchMetrics(const TokenBatch<float>&, const TrainedTokens&, MetricSums*);
template void AddMismatchMetrics(const TokenBatch<double>&, const TrainedTokens&, MetricSums*);

}  // namespace cohort::objective
