// SPDX-License-Identifier: Apache-2.0
#include "reward/ranking_metrics.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace cohort::reward {
namespace {

template <typename Gain>
int64_t FirstK(const std::vector<Gain>& gains, int64_t k) {
  return std::min<int64_t>(k, static_cast<int64_t>(gains.size()));
}

template <typename Gain>
double DiscountedSum(const std::vector<Gain>& gains, int64_t k) {
  double sum = 0;
  for (int64_t i = 0; i < FirstK(gains, k); ++i) sum += gains[i] / std::log2(static_cast<double>(i + 2));
  return sum;
}

}  // namespace

double RecallAt(const std::vector<int>& hits, int64_t num_truths, int64_t k) {
  const int num_hits = std::accumulate(hits.begin(), hits.begin() + FirstK(hits, k), 0);
  return static_cast<double>(num_hits) / static_cast<double>(num_truths);
}

double DcgAt(const std::vector<int>& hits, int64_t k) { return DiscountedSum(hits, k); }

double NdcgAt(const std::vector<int>& hits, int64_t num_truths, int64_t k, int64_t ideal_length) {
  if (hits.empty()) return 0;
  const std::vector<int> ideal(static_cast<size_t>(std::min({num_truths, ideal_length, k})), 1);
  return DcgAt(hits, k) / DcgAt(ideal, k);
}

double GradedNdcgAt(const std::vector<double>& gains, int64_t k) {
  std::vector<double> ideal = gains;
  std::sort(ideal.begin(), ideal.end(), std::greater<>());
  const double best = DiscountedSum(ideal, k);
  return best > 0 ? DiscountedSum(gains, k) / best : 0.0;
}

}  // namespace cohort::reward
