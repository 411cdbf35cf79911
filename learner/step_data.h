// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_STEP_DATA_H_
#define COHORT_LEARNER_STEP_DATA_H_

// Torch-free.
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "learner/batch/plan_split.h"
#include "learner/batch/sequence_builder.h"
#include "learner/batch/train_sequence.h"
#include "learner/step_payload.h"
#include "model/tokenizer/tokenizer.h"
#include "objective/objective.h"

namespace cohort::learner {

// This rank's part of one update.
struct UpdateData {
  std::vector<TrainSequence> sequences;
  int64_t num_groups = 0;  // over all ranks
};

// A step plan turned into sequences, with the credit of the whole step.
struct StepData {
  std::vector<UpdateData> updates;
  // Over all sequences of the plan; list items count one by one.
  double advantage_abs_mean = 0;
  double advantage_std = 0;
  double zero_signal_share = 0;  // share of its groups whose advantages are all 0
};

// How the job reads its data; pointers must outlive the call.
struct StepDataOptions {
  const objective::Objective* objective = nullptr;
  std::vector<double> verifier_weights;         // of the rubric, in its order
  const model::Tokenizer* tokenizer = nullptr;  // demonstrations, and objectives that need token text
  int32_t eos_token_id = 0;
  TokenLimits limits;
  int64_t num_updates = 1;
  int rank = 0;
  int world_size = 1;
};

// Pure. INVALID_ARGUMENT names the group, sibling or problem that contradicts the plan or cannot be trained.
absl::StatusOr<StepData> BuildStepData(const StepPayload& payload, const StepDataOptions& options);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_STEP_DATA_H_
