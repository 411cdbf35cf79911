// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_BATCH_SEQUENCE_BUILDER_H_
#define COHORT_LEARNER_BATCH_SEQUENCE_BUILDER_H_

// Torch-free.
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/learner_service.pb.h"
#include "cohort/v1/rollout.pb.h"
#include "learner/batch/train_sequence.h"
#include "model/tokenizer/tokenizer.h"
#include "objective/credit.h"

namespace cohort::learner {

// What the tokens of a job must satisfy.
struct TokenLimits {
  int64_t vocab_size = 0;
  int64_t max_sequence_tokens = 0;
};

// How rollouts become sequences of one update; pointers must outlive the call.
struct RolloutReading {
  const cohort::v1::ObjectiveSpec* objective = nullptr;
  const model::Tokenizer* tokenizer = nullptr;  // null when the objective needs no token text
  TokenLimits limits;
};

// The sequences of a group with their credit, appended to `sequences`; `group` is its index in the update.
// INVALID_ARGUMENT names group and sibling when the payload contradicts the plan, a completion has no token, or a
// token, a log-prob or a length cannot be.
absl::Status AppendRollouts(const cohort::v1::PlannedGroup& planned, const cohort::v1::RolloutGroup& rollouts,
                            int64_t group, const objective::GroupCredit& credit, const RolloutReading& reading,
                            std::vector<TrainSequence>* sequences);

// Prompt and completion, tokenised apart, then EOS; completion and EOS are trained. INVALID_ARGUMENT names the problem
// when the tokenizer refuses it, the prompt has no token or the sequence is too long.
absl::StatusOr<TrainSequence> EncodeDemonstration(const cohort::v1::Demonstration& demonstration,
                                                  const model::Tokenizer& tokenizer, int32_t eos_token_id,
                                                  const TokenLimits& limits);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_BATCH_SEQUENCE_BUILDER_H_
