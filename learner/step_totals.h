// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_STEP_TOTALS_H_
#define COHORT_LEARNER_STEP_TOTALS_H_

// Torch-free.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "learner/phase_timer.h"

namespace cohort::learner {

// What a rank adds up during a train step. The names are the same on every rank, also on one without groups, so that
// ranks can be added number by number. Not thread-safe.
class StepTotals final {
 public:
  StepTotals();

  // Adds "sum_*", "count_*" and "seconds_*", keeps the extremes of "min_*" and "max_*"; names not in the list are
  // dropped.
  void Add(const std::map<std::string, double>& values);
  void Add(const std::string& name, double value) { Add({{name, value}}); }
  void AddPhases(const PhaseTimer& timer);
  double Get(const std::string& name) const { return values_.at(name); }

  // For the all-reduces over ranks, in a fixed order: numbers to be summed, and numbers of which the largest counts
  // (minima negated). The setters take them back.
  std::vector<double> Sums() const;
  std::vector<double> Maxima() const;
  void SetSums(const std::vector<double>& sums);
  void SetMaxima(const std::vector<double>& maxima);

 private:
  std::map<std::string, double> values_;
};

// What is known about a step beside the totals.
struct StepFacts {
  double learning_rate = 0;
  double gradient_norm = 0;  // mean over updates, before clipping
  double advantage_abs_mean = 0;
  double advantage_std = 0;
  double zero_signal_share = 0;  // groups without a learning signal
  double learner_seconds = 0;    // from the plan's arrival to the commit
  int64_t num_updates = 0;
  int world_size = 1;
  bool has_rollouts = false;
  bool has_reference = false;
};

// The metrics of CommitStep (docs/operations/step_metrics.md) from totals over all ranks.
std::map<std::string, double> StepMetrics(const StepTotals& totals, const StepFacts& facts);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_STEP_TOTALS_H_
