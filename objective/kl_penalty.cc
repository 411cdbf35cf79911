// SPDX-License-Identifier: Apache-2.0
#include "objective/kl_penalty.h"

#include <cmath>

namespace cohort::objective {
namespace {

using cohort::v1::KlSpec;

constexpr double kMaxK3 = 10;  // verl's bound

KlTerm K3(double d) {
  const double value = std::expm1(-d) + d;
  if (value > kMaxK3) return {.value = kMaxK3, .derivative = 0};
  return {.value = value, .derivative = -std::expm1(-d)};
}

}  // namespace

KlTerm EstimateKl(KlSpec::Estimator estimator, double d) {
  switch (estimator) {
    case KlSpec::ESTIMATOR_K1:
      return {.value = d, .derivative = 1};
    case KlSpec::ESTIMATOR_ABS:
      return {.value = std::abs(d), .derivative = d > 0 ? 1.0 : d < 0 ? -1.0 : 0.0};
    case KlSpec::ESTIMATOR_K2:
      return {.value = d * d / 2, .derivative = d};
    case KlSpec::ESTIMATOR_K1_PLUS:
      return {.value = d, .derivative = d};
    case KlSpec::ESTIMATOR_K3_PLUS:
      return {.value = K3(d).value, .derivative = d};
    default:
      return K3(d);
  }
}

}  // namespace cohort::objective
