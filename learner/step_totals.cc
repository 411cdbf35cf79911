// SPDX-License-Identifier: Apache-2.0
#include "learner/step_totals.h"

#include <algorithm>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace cohort::learner {
namespace {

constexpr const char* kNames[] = {"count_clipped_high", "count_clipped_low", "count_packed_tokens",
                                  "count_tokens",       "max_mismatch_abs",  "max_ratio",
                                  "min_ratio",          "sum_entropy",       "sum_kl_k1",
                                  "sum_kl_k3",          "sum_loss",          "sum_mismatch_abs",
                                  "sum_ratio"};
// Ratios are positive: what a rank without tokens contributes never wins.
constexpr double kNoMinimum = std::numeric_limits<double>::max();

bool IsMinimum(const std::string& name) { return absl::StartsWith(name, "min_"); }
bool IsExtreme(const std::string& name) { return IsMinimum(name) || absl::StartsWith(name, "max_"); }
std::string PhaseName(size_t phase) { return absl::StrCat("seconds_", kPhaseNames[phase]); }

}  // namespace

StepTotals::StepTotals() {
  for (const char* name : kNames) values_[name] = IsMinimum(name) ? kNoMinimum : 0.0;
  for (size_t phase = 0; phase < kPhaseNames.size(); ++phase) values_[PhaseName(phase)] = 0.0;
}

void StepTotals::Add(const std::map<std::string, double>& values) {
  for (const auto& [name, value] : values) {
    const auto found = values_.find(name);
    if (found == values_.end()) continue;
    if (IsMinimum(name)) {
      found->second = std::min(found->second, value);
    } else if (IsExtreme(name)) {
      found->second = std::max(found->second, value);
    } else {
      found->second += value;
    }
  }
}

void StepTotals::AddPhases(const PhaseTimer& timer) {
  for (size_t phase = 0; phase < kPhaseNames.size(); ++phase) {
    Add(PhaseName(phase), timer.Seconds(static_cast<Phase>(phase)));
  }
}

std::vector<double> StepTotals::Sums() const {
  std::vector<double> sums;
  for (const auto& [name, value] : values_) {
    if (!IsExtreme(name)) sums.push_back(value);
  }
  return sums;
}

std::vector<double> StepTotals::Maxima() const {
  std::vector<double> maxima;
  for (const auto& [name, value] : values_) {
    if (IsExtreme(name)) maxima.push_back(IsMinimum(name) ? -value : value);
  }
  return maxima;
}

void StepTotals::SetSums(const std::vector<double>& sums) {
  auto next = sums.begin();
  for (auto& [name, value] : values_) {
    if (!IsExtreme(name)) value = *next++;
  }
}

void StepTotals::SetMaxima(const std::vector<double>& maxima) {
  auto next = maxima.begin();
  for (auto& [name, value] : values_) {
    if (IsExtreme(name)) value = IsMinimum(name) ? -*next++ : *next++;
  }
}

std::map<std::string, double> StepMetrics(const StepTotals& totals, const StepFacts& facts) {
  const double num_tokens = std::max(1.0, totals.Get("count_tokens"));
  std::map<std::string, double> metrics;
  metrics["loss"] = totals.Get("sum_loss") / static_cast<double>(std::max<int64_t>(1, facts.num_updates));
  metrics["learning_rate"] = facts.learning_rate;
  metrics["gradient_norm"] = facts.gradient_norm;
  metrics["entropy_mean"] = totals.Get("sum_entropy") / num_tokens;
  metrics["trained_tokens"] = totals.Get("count_tokens");
  metrics["packed_tokens"] = totals.Get("count_packed_tokens");
  metrics["learner_seconds"] = facts.learner_seconds;
  if (facts.learner_seconds > 0) {
    metrics["learner_tokens_per_second"] = totals.Get("count_packed_tokens") / facts.learner_seconds;
  }
  for (size_t phase = 0; phase < kPhaseNames.size(); ++phase) {
    metrics[absl::StrCat(kPhaseNames[phase], "_seconds")] = totals.Get(PhaseName(phase)) / facts.world_size;
  }
  if (!facts.has_rollouts) return metrics;
  metrics["ratio_mean"] = totals.Get("sum_ratio") / num_tokens;
  if (totals.Get("count_tokens") > 0) {
    metrics["ratio_min"] = totals.Get("min_ratio");
    metrics["ratio_max"] = totals.Get("max_ratio");
  }
  metrics["clip_fraction_low"] = totals.Get("count_clipped_low") / num_tokens;
  metrics["clip_fraction_high"] = totals.Get("count_clipped_high") / num_tokens;
  metrics["kl_k1"] = totals.Get("sum_kl_k1") / num_tokens;
  metrics["kl_k3"] = totals.Get("sum_kl_k3") / num_tokens;
  metrics["mismatch_mean_abs"] = totals.Get("sum_mismatch_abs") / num_tokens;
  metrics["mismatch_max_abs"] = totals.Get("max_mismatch_abs");
  metrics["advantage_abs_mean"] = facts.advantage_abs_mean;
  metrics["zero_signal_share"] = facts.zero_signal_share;
  return metrics;
}

}  // namespace cohort::learner
