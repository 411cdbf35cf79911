// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_TRAIN_STEP_H_
#define COHORT_LEARNER_TRAIN_STEP_H_

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/optimizer_spec.pb.h"
#include "learner/phase_timer.h"
#include "learner/policy.h"
#include "learner/step_data.h"
#include "learner/step_gradient.h"
#include "learner/step_totals.h"
#include "learner/train_state.h"
#include "model/parallel/process_group.h"
#include "objective/objective.h"

namespace cohort::learner {

// Settings of a job's train steps.
struct TrainStepOptions {
  cohort::v1::OptimizerSpec optimizer;
  GradientOptions gradient;
  int64_t num_updates_in_job = 1;  // for the learning-rate schedule
};

// One train step on one rank, from sequences to updated weights: per update the gradient (step_gradient.h), clip,
// AdamW and, where it is sharded, the weights from the ranks that updated them. Every rank of the group calls Run at
// the same time, also one without sequences. Not thread-safe; the pointers must outlive it.
class TrainStep final {
 public:
  // `reference` may be null, or without decoder, unless the objective needs one.
  TrainStep(TrainStepOptions options, const objective::Objective* objective, const Policy* reference,
            model::ProcessGroup* group, TrainState* state)
      : options_(std::move(options)),
        gradient_(options_.gradient, objective, reference, group, state),
        group_(group),
        state_(state) {}

  // What the step did on this rank, and the facts that all ranks agree on.
  struct Outcome {
    StepTotals totals;
    double learning_rate = 0;               // of the last update
    double gradient_norm_mean = 0;          // over updates, before clipping
    int64_t largest_microbatch_tokens = 0;  // packed, of this rank
  };

  // Raises the state's version by one. INVALID_ARGUMENT: a log-prob, a loss or a gradient is not finite, the message
  // names version, update and sequence; every rank stops before that update. The ranks that did not meet it themselves
  // wait until those that did destroy their group: UNAVAILABLE, or DEADLINE_EXCEEDED, as for any peer that is lost.
  // After an error the state is not usable.
  absl::StatusOr<Outcome> Run(const StepData& data, PhaseTimer* timer);

  // The same in parts, for replay: prepare at the step's start, then per update compute and apply, then end the step.
  const StepGradient& gradient() const { return gradient_; }
  // Clip and AdamW with the gradient that was computed last, whose norm is `gradient_norm`; adds the size of the update
  // to `totals` and returns the learning rate.
  absl::StatusOr<double> Apply(double gradient_norm, StepTotals* totals, PhaseTimer* timer);
  void EndStep() { ++state_->policy_version; }

 private:
  const TrainStepOptions options_;
  const StepGradient gradient_;
  model::ProcessGroup* const group_;
  TrainState* const state_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_TRAIN_STEP_H_
