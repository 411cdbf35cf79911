// SPDX-License-Identifier: Apache-2.0
#include "objective/metric_sums.h"

#include <algorithm>

namespace cohort::objective {

const std::vector<std::string>& MetricNames() {
  static const auto* const names = new std::vector<std::string>{
      "count_tokens",
      "count_sequences",
      "count_zero_signal_sequences",
      "sum_advantage",
      "sum_advantage_abs",
      "sum_advantage_squared",
      "min_advantage",
      "max_advantage",
      "sum_entropy",
      "sum_surrogate_loss",
      "sum_kl_loss",
      "sum_entropy_loss",
      "sum_kl_k1",
      "sum_kl_k3",
      "sum_token_ratio",
      "sum_token_ratio_squared",
      "sum_ratio",
      "min_ratio",
      "max_ratio",
      "count_clipped_low",
      "count_clipped_high",
      "count_dual_clipped",
      "sum_ratio_branch2",
      "min_ratio_branch2",
      "max_ratio_branch2",
      "count_clipped_low_branch2",
      "count_clipped_high_branch2",
      "count_dual_clipped_branch2",
      "sum_mix_weight",
      "sum_reference_kl",
      "sum_reference_kl_k1",
      "sum_reference_kl_k3",
      "count_behavior_tokens",
      "sum_mismatch_abs",
      "max_mismatch_abs",
      "sum_mismatch_kl_k1",
      "sum_mismatch_kl_k3",
      "sum_mismatch_weight",
      "sum_mismatch_weight_squared",
      "sum_mismatch_factor",
      "sum_mismatch_factor_squared",
      "count_mismatch_masked",
      "count_unselected",
  };
  return *names;
}

void AddMetrics(const MetricSums& values, MetricSums* totals) {
  for (const auto& [name, value] : values) {
    const auto [total, is_first] = totals->emplace(name, value);
    if (is_first) continue;
    if (name.starts_with("min_")) {
      total->second = std::min(total->second, value);
    } else if (name.starts_with("max_")) {
      total->second = std::max(total->second, value);
    } else {
      total->second += value;
    }
  }
}

}  // namespace cohort::objective
