// SPDX-License-Identifier: Apache-2.0
#include "learner/step_totals.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "objective/metric_sums.h"

namespace cohort::learner {
namespace {

// What a rank adds beside the objective's sums.
constexpr const char* kOwnNames[] = {"count_packed_tokens", "sum_loss", "sum_squared_change", "sum_squared_weights"};
// What a rank without tokens contributes never wins.
constexpr double kNoMinimum = std::numeric_limits<double>::max();
constexpr double kNoMaximum = std::numeric_limits<double>::lowest();

bool IsMinimum(const std::string& name) { return absl::StartsWith(name, "min_"); }
bool IsExtreme(const std::string& name) { return IsMinimum(name) || absl::StartsWith(name, "max_"); }
std::string PhaseName(size_t phase) { return absl::StrCat("seconds_", kPhaseNames[phase]); }

}  // namespace

StepTotals::StepTotals() {
  for (const std::string& name : objective::MetricNames()) {
    values_[name] = IsMinimum(name) ? kNoMinimum : IsExtreme(name) ? kNoMaximum : 0.0;
  }
  for (const char* name : kOwnNames) values_[name] = 0.0;
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

namespace {

// (sum w)^2 / (n sum w^2): 1 when all weights are equal.
double EffectiveShare(double sum, double sum_squares, double count) {
  return sum_squares > 0 ? sum * sum / (count * sum_squares) : 0.0;
}

// Ratio and clip fractions of one branch; `suffix` is empty or "_branch2".
void AddBranch(const StepTotals& totals, const std::string& suffix, double num_tokens,
               std::map<std::string, double>* metrics) {
  const auto per_token = [&](const char* name) { return totals.Get(absl::StrCat(name, suffix)) / num_tokens; };
  (*metrics)[absl::StrCat("ratio_mean", suffix)] = per_token("sum_ratio");
  if (totals.Get("count_tokens") > 0) {
    (*metrics)[absl::StrCat("ratio_min", suffix)] = totals.Get(absl::StrCat("min_ratio", suffix));
    (*metrics)[absl::StrCat("ratio_max", suffix)] = totals.Get(absl::StrCat("max_ratio", suffix));
  }
  (*metrics)[absl::StrCat("clip_fraction_low", suffix)] = per_token("count_clipped_low");
  (*metrics)[absl::StrCat("clip_fraction_high", suffix)] = per_token("count_clipped_high");
  (*metrics)[absl::StrCat("clip_fraction_dual", suffix)] = per_token("count_dual_clipped");
}

// Nothing where it was not measured: under mismatch.bypass o is b by definition.
void AddMismatch(const StepTotals& totals, std::map<std::string, double>* metrics) {
  const double num_tokens = totals.Get("count_behavior_tokens");
  if (num_tokens == 0) return;
  (*metrics)["mismatch_mean_abs"] = totals.Get("sum_mismatch_abs") / num_tokens;
  (*metrics)["mismatch_max_abs"] = totals.Get("max_mismatch_abs");
  (*metrics)["mismatch_kl_k3"] = totals.Get("sum_mismatch_kl_k3") / num_tokens;
  (*metrics)["mismatch_effective_sample_share"] =
      EffectiveShare(totals.Get("sum_mismatch_weight"), totals.Get("sum_mismatch_weight_squared"), num_tokens);
  (*metrics)["mismatch_masked_share"] = totals.Get("count_mismatch_masked") / num_tokens;
}

void AddRollouts(const StepTotals& totals, const StepFacts& facts, double num_tokens,
                 std::map<std::string, double>* metrics) {
  const auto per_token = [&](const char* name) { return totals.Get(name) / num_tokens; };
  AddBranch(totals, "", num_tokens, metrics);
  if (totals.Get("max_ratio_branch2") != kNoMaximum) {
    AddBranch(totals, "_branch2", num_tokens, metrics);
    (*metrics)["mix_weight_mean"] = per_token("sum_mix_weight");
  }
  (*metrics)["effective_sample_share"] =
      EffectiveShare(totals.Get("sum_token_ratio"), totals.Get("sum_token_ratio_squared"), num_tokens);
  (*metrics)["kl_k1"] = per_token("sum_kl_k1");
  (*metrics)["kl_k3"] = per_token("sum_kl_k3");
  if (facts.has_reference) {
    (*metrics)["reference_kl_k1"] = per_token("sum_reference_kl_k1");
    (*metrics)["reference_kl_k3"] = per_token("sum_reference_kl_k3");
  }
  (*metrics)["unselected_share"] = per_token("count_unselected");
  AddMismatch(totals, metrics);
  (*metrics)["advantage_abs_mean"] = facts.advantage_abs_mean;
  (*metrics)["advantage_std"] = facts.advantage_std;
  (*metrics)["zero_signal_share"] = facts.zero_signal_share;
}

}  // namespace

std::map<std::string, double> StepMetrics(const StepTotals& totals, const StepFacts& facts) {
  const double num_tokens = std::max(1.0, totals.Get("count_tokens"));
  std::map<std::string, double> metrics;
  metrics["loss"] = totals.Get("sum_loss") / static_cast<double>(std::max<int64_t>(1, facts.num_updates));
  metrics["learning_rate"] = facts.learning_rate;
  metrics["gradient_norm"] = facts.gradient_norm;
  // Ranks that all make the whole update count it all: numerator and denominator alike.
  if (totals.Get("sum_squared_weights") > 0) {
    metrics["update_ratio"] = std::sqrt(totals.Get("sum_squared_change") / totals.Get("sum_squared_weights"));
  }
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
  const double num_updates = static_cast<double>(std::max<int64_t>(1, facts.num_updates));
  metrics["surrogate_loss"] = totals.Get("sum_surrogate_loss") / num_updates;
  metrics["kl_loss"] = totals.Get("sum_kl_loss") / num_updates;
  metrics["entropy_loss"] = totals.Get("sum_entropy_loss") / num_updates;
  if (!facts.has_rollouts) return metrics;
  AddRollouts(totals, facts, num_tokens, &metrics);
  return metrics;
}

}  // namespace cohort::learner
