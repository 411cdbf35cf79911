// SPDX-License-Identifier: Apache-2.0
#include "reward/score_agreement.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace cohort::reward {
namespace {

std::vector<double> AsDistribution(const std::vector<double>& scores) {
  const double sum = std::accumulate(scores.begin(), scores.end(), 0.0);
  std::vector<double> distribution(scores.size(), 1.0 / static_cast<double>(scores.size()));
  for (size_t i = 0; sum > 0 && i < scores.size(); ++i) distribution[i] = scores[i] / sum;
  return distribution;
}

double Bits(double share, double middle) { return share > 0 ? share * std::log2(share / middle) : 0.0; }

}  // namespace

double ScoreAgreement(const std::vector<double>& predicted, const std::vector<double>& gold) {
  const std::vector<double> p = AsDistribution(predicted);
  const std::vector<double> q = AsDistribution(gold);
  double divergence = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    const double middle = (p[i] + q[i]) / 2;
    divergence += (Bits(p[i], middle) + Bits(q[i], middle)) / 2;
  }
  return 1 - std::clamp(divergence, 0.0, 1.0);
}

}  // namespace cohort::reward
