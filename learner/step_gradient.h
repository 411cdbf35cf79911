// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_STEP_GRADIENT_H_
#define COHORT_LEARNER_STEP_GRADIENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "learner/microbatch_gradient.h"
#include "learner/phase_timer.h"
#include "learner/policy.h"
#include "learner/policy_pass.h"
#include "learner/prepared_update.h"
#include "learner/run_together.h"
#include "learner/step_data.h"
#include "learner/step_refusal.h"
#include "learner/step_totals.h"
#include "learner/train_state.h"
#include "model/parallel/process_group.h"
#include "objective/objective.h"

namespace cohort::learner {

// How gradients are computed; nothing here changes them but by rounding, except the temperature.
struct GradientOptions {
  int64_t max_tokens_per_microbatch = 8192;
  double temperature = 1;              // of the distribution whose log-probs are trained
  bool recompute_activations = false;  // in the backward pass, instead of keeping them for it
  bool share_prompts = false;          // neighbours of a microbatch compute what their prompts have in common once
  // Called, where it is set, on every rank that met a number that is not finite, before any rank returns from the step
  // unless a peer is lost: the weights are still those that the update began with, the gradients are of no use.
  FailureKeeper on_failure = {};
};

// How the sequences of an update are cut into microbatches.
PackingOptions PackingOf(const GradientOptions& options);
// How the policy's passes of an update are made.
PolicyPassOptions PassOf(const GradientOptions& options, const objective::Objective& objective);

// The gradients of one train step's updates under one objective, over all ranks:
//
//   Prepare  at the step's start: proximal log-probs of every update but the first (whose policy is still the proximal
//            policy; of the first too where the objective's statistics need them), reference log-probs, statistics
//   Compute  per update: per microbatch forward -> log-probs -> objective -> backward; the sums over ranks of the
//            buckets (flat_layout.h) begin during the last microbatch's backward, each when all ranks have it
//
// Every rank of the group calls both at the same time, also one without sequences. Denominators cover an update over
// all ranks, so the result does not depend on the cut into microbatches and ranks beyond rounding. Not thread-safe; the
// pointers must outlive it.
class StepGradient final {
 public:
  // `reference` may be null, or without decoder, unless the objective needs one.
  StepGradient(const GradientOptions& options, const objective::Objective* objective, const Policy* reference,
               model::ProcessGroup* group, TrainState* state)
      : options_(options),
        objective_(objective),
        reference_(reference),
        group_(group),
        state_(state),
        microbatch_(PassOf(options, *objective), objective, state),
        refusal_(options.on_failure, &microbatch_, group, state) {}
  StepGradient(const StepGradient&) = delete;
  StepGradient& operator=(const StepGradient&) = delete;

  // INVALID_ARGUMENT: a number is not finite, the message names version, update and sequence. The ranks that did not
  // meet it themselves wait until those that did destroy their group: UNAVAILABLE, or DEADLINE_EXCEEDED, as for any
  // peer that is lost.
  absl::StatusOr<std::vector<PreparedUpdate>> Prepare(const StepData& data, PhaseTimer* timer) const;

  // Writes the gradient of update `update` into the state's gradients (those that this rank updates, where the
  // optimizer is sharded) and adds its sums to `totals`; returns the norm over all ranks. Errors as Prepare; also when
  // the gradient is not finite: then the ranks look for the sequences to blame, in one more pass over what they have.
  absl::StatusOr<double> Compute(const StepData& data, const std::vector<PreparedUpdate>& prepared, int64_t update,
                                 StepTotals* totals, PhaseTimer* timer) const;

  // "train step 3 -> 4 update 0".
  std::string Where(int64_t update) const { return refusal_.Where(update); }

 private:
  // One update on this rank; the other arguments of Compute.
  struct Share {
    const UpdateData& data;
    const PreparedUpdate& prepared;
    StepTotals* totals;
    PhaseTimer* timer;
  };

  bool shards_layers() const { return state_->layers != nullptr; }
  absl::Status AgreeOnPasses(std::vector<PreparedUpdate>* prepared) const;
  absl::Status ComputeKnownNumbers(std::vector<PreparedUpdate>* prepared) const;
  absl::Status ComputeKnownNumbersOf(PreparedUpdate* update, bool is_first) const;
  absl::Status ReduceBuckets(const Share& share, absl::Status* local) const;
  absl::Status ReduceLayersAndBuckets(const Share& share, absl::Status* local) const;
  absl::Status Accumulate(const Share& share, const CollectiveRelease& release) const;
  absl::Status AccumulateShardedLayers(const Share& share) const;
  absl::Status Backpropagate(const Share& share, size_t index) const;

  const GradientOptions options_;
  const objective::Objective* const objective_;
  const Policy* const reference_;
  model::ProcessGroup* const group_;
  TrainState* const state_;
  const MicrobatchGradient microbatch_;
  const StepRefusal refusal_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_STEP_GRADIENT_H_
