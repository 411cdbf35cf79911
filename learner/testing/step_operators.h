// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_TESTING_STEP_OPERATORS_H_
#define COHORT_LEARNER_TESTING_STEP_OPERATORS_H_

#include <string>
#include <vector>

#include "learner/step_data.h"
#include "learner/step_gradient.h"
#include "learner/testing/learner_side.h"

namespace cohort::learner {

// What the operators of one kind take of a train step.
struct OperatorTime {
  std::string name;
  double seconds = 0;
  double flops = 0;  // of the products in it, what is computed a second time included; 0: it has none
};

// Where the time of a bf16 step of a Qwen3 goes: each kind of operator alone, forward and backward, at the shapes of
// the step's largest microbatch and with the learner's own parameters, timed on the device and multiplied by how often
// the step needs it. What a step takes beyond their sum is the host, launches and waiting. Takes an optimizer update of
// the weights with whatever gradients there are. Throws what LibTorch throws.
std::vector<OperatorTime> TimeOperators(const StepData& data, const GradientOptions& gradient, LearnerSide* side);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_TESTING_STEP_OPERATORS_H_
