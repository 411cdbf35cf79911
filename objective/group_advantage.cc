// SPDX-License-Identifier: Apache-2.0
#include "objective/group_advantage.h"

#include <cmath>
#include <cstddef>

#include "kernels/group_advantage.h"

namespace cohort::objective {
namespace {

using cohort::v1::AdvantageSpec;

std::vector<double> WithVerdict(const std::vector<double>& values, const std::vector<uint8_t>& verdicts) {
  std::vector<double> judged;
  for (size_t i = 0; i < values.size(); ++i) {
    if (verdicts[i]) judged.push_back(values[i]);
  }
  return judged;
}

// Standard deviation about 0; n counts all values.
double Deviation(const std::vector<double>& values, bool population) {
  double sum_squares = 0;
  for (const double value : values) sum_squares += value * value;
  const double degrees = static_cast<double>(values.size()) - (population ? 0 : 1);
  return degrees > 0 ? std::sqrt(sum_squares / degrees) : 0;
}

std::vector<double> NormalizeGroup(const AdvantageSpec& spec, const std::vector<double>& values,
                                   const std::vector<uint8_t>& verdicts) {
  std::vector<double> advantages(values.size(), 0.0);
  kernels::ComputeGroupAdvantages<double>({.leave_one_out = spec.estimator() == AdvantageSpec::ESTIMATOR_LEAVE_ONE_OUT,
                                           .divide_by_std = spec.scale() == AdvantageSpec::SCALE_GROUP_STD,
                                           .population_std = spec.population_std(),
                                           .epsilon = spec.epsilon()},
                                          {.rewards_GN = values.data(),
                                           .mask_GN = verdicts.data(),
                                           .num_groups = 1,
                                           .group_size = static_cast<int64_t>(values.size())},
                                          advantages.data());
  return advantages;
}

}  // namespace

StepValues NormalizeGroups(const AdvantageSpec& spec, const StepValues& values, const StepVerdicts& verdicts) {
  StepValues advantages;
  for (size_t g = 0; g < values.size(); ++g) advantages.push_back(NormalizeGroup(spec, values[g], verdicts[g]));
  if (spec.scale() == AdvantageSpec::SCALE_BATCH_STD) WhitenStep(spec, verdicts, &advantages);
  return advantages;
}

void WhitenStep(const AdvantageSpec& spec, const StepVerdicts& verdicts, StepValues* advantages) {
  std::vector<double> judged;
  for (size_t g = 0; g < advantages->size(); ++g) {
    for (const double value : WithVerdict((*advantages)[g], verdicts[g])) judged.push_back(value);
  }
  const double divisor = Deviation(judged, spec.population_std()) + spec.epsilon();
  for (std::vector<double>& group : *advantages) {
    for (double& advantage : group) {
      if (advantage != 0) advantage /= divisor;
    }
  }
}

}  // namespace cohort::objective
