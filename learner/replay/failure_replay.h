// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_REPLAY_FAILURE_REPLAY_H_
#define COHORT_LEARNER_REPLAY_FAILURE_REPLAY_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cohort::learner {

struct FailureReplayOptions {
  std::string run_directory;  // folder of one job
  std::string failure;        // folder of the failed step, from the run's folder or absolute
  at::Device device = at::kCPU;
};

// One trained token; what the objective does not need or could not be computed is nullopt.
struct ReplayedToken {
  int64_t token = 0;  // of the completion, from 0
  int32_t id = 0;
  std::string text;
  std::optional<double> behavior_logprob, policy_logprob, proximal_logprob, reference_logprob;
  std::optional<double> loss_gradient;  // d loss / d policy_logprob
  std::optional<double> gradient_norm;  // of this token's share of the loss alone
};

struct ReplayedSequence {
  std::string label;  // "group 12 sibling 3"
  int64_t num_tokens = 0;
  double advantage = 0;
  // Of the sequence alone, with the update's denominators; nullopt when it was refused or the denominators are unknown.
  std::optional<double> loss, gradient_norm;
  bool is_finite = true;  // every number of it
  // Around the first token to blame; of the first few sequences that are not finite.
  std::vector<ReplayedToken> tokens;
};

struct ReplayedFailure {
  std::string job;
  int64_t policy_version = 0;
  int64_t update = 0;
  int rank = 0;
  int world_size = 1;
  std::string weights;                      // their folder, from the run's folder
  std::string recorded;                     // what the rank said
  std::string replayed;                     // what is said now; empty when all is finite
  std::vector<ReplayedSequence> sequences;  // of this rank in the update, in order
};

// Makes the forward and backward passes of a failed update again, at its weights, with this rank's sequences and the
// denominators of all ranks, and looks at each sequence alone. Nothing is changed. Memory: that of a train state. A sum
// that overflows over several ranks only is not met again.
//
// NOT_FOUND: no such folder, or its weights are gone; where the update began with the version's weights, its sealed
// checkpoint stands in for them. DATA_LOSS: it is damaged. Others as loading a model.
absl::StatusOr<ReplayedFailure> ReplayFailure(const FailureReplayOptions& options);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_REPLAY_FAILURE_REPLAY_H_
