// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_TRAIN_STEP_H_
#define COHORT_LEARNER_TRAIN_STEP_H_

// Shapes: T trained tokens of a microbatch.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/optimizer_spec.pb.h"
#include "learner/batch/microbatch.h"
#include "learner/phase_timer.h"
#include "learner/step_data.h"
#include "learner/step_totals.h"
#include "learner/train_state.h"
#include "model/parallel/process_group.h"
#include "objective/objective.h"

namespace cohort::learner {

// Settings of a job's train steps.
struct TrainStepOptions {
  cohort::v1::OptimizerSpec optimizer;
  int64_t max_tokens_per_microbatch = 8192;
  int64_t num_updates_in_job = 1;  // for the learning-rate schedule
  double temperature = 1;          // of the distribution whose log-probs are trained
};

// One train step on one rank, from sequences to updated weights:
//
//   proximal log-probs of every update but the first (whose policy is still the proximal policy)
//   per update: per microbatch forward -> log-probs -> objective -> backward; then gradients summed over ranks ->
//               finite? -> clip -> AdamW
//
// Every rank of the group calls Run at the same time, also one without sequences. Denominators cover an update over all
// ranks, so the result does not depend on the cut into microbatches and ranks beyond rounding. Not thread-safe; the
// pointers must outlive it.
class TrainStep final {
 public:
  TrainStep(TrainStepOptions options, const objective::Objective* objective, model::ProcessGroup* group,
            TrainState* state)
      : options_(std::move(options)), objective_(objective), group_(group), state_(state) {}

  // What the step did on this rank, and the facts that all ranks agree on.
  struct Outcome {
    StepTotals totals;
    double learning_rate = 0;       // of the last update
    double gradient_norm_mean = 0;  // over updates, before clipping
  };

  // Raises the state's version by one. When a log-prob, a loss or a gradient is not finite: INVALID_ARGUMENT on every
  // rank, naming version, update and, on the rank that met it, the sequence; the update is not applied. UNAVAILABLE or
  // DEADLINE_EXCEEDED: a peer is lost. After an error the state is not usable.
  absl::StatusOr<Outcome> Run(const StepData& data, PhaseTimer* timer);

 private:
  // Microbatches of one update with their proximal log-probs (undefined in the first update and for demonstrations).
  struct UpdateWork {
    std::vector<Microbatch> microbatches;
    std::vector<at::Tensor> proximal_logprobs_T;
    objective::Denominators totals;
  };

  absl::StatusOr<std::vector<UpdateWork>> PrepareUpdates(const StepData& data, PhaseTimer* timer);
  absl::Status SumDenominators(const StepData& data, std::vector<UpdateWork>* updates);
  absl::Status Accumulate(const UpdateData& data, const UpdateWork& work, Outcome* outcome, PhaseTimer* timer);
  absl::Status Backpropagate(const UpdateData& data, const UpdateWork& work, size_t index, Outcome* outcome,
                             PhaseTimer* timer);
  absl::Status Apply(int64_t update, const absl::Status& local, Outcome* outcome, PhaseTimer* timer);
  std::string Where(int64_t update) const;

  const TrainStepOptions options_;
  const objective::Objective* const objective_;
  model::ProcessGroup* const group_;
  TrainState* const state_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_TRAIN_STEP_H_
