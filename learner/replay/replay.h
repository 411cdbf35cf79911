// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_REPLAY_REPLAY_H_
#define COHORT_LEARNER_REPLAY_REPLAY_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/objective_spec.pb.h"

namespace cohort::learner {

// An objective by which recorded steps are computed again.
struct ReplayedObjective {
  std::string name;  // unique; for the report
  cohort::v1::ObjectiveSpec spec;
};

struct ReplayOptions {
  std::string run_directory;                  // folder of one job: steps.log, checkpoints/
  int64_t first_step = 1;                     // by the version that the step ends in, as in metrics.jsonl
  int64_t last_step = 1;                      // 0: the last one that is recorded
  std::vector<ReplayedObjective> objectives;  // none: the steps are only trained again
  at::Device device = at::kCPU;
};

// One update of a step under one objective.
struct ReplayedUpdate {
  // What CommitStep would report (docs/operations/step_metrics.md): loss, gradient_norm, ratio_*, clip_fraction_*, ...
  std::map<std::string, double> metrics;
  // With the gradient of every objective, in order of the options; 1 with itself, 0 with a gradient of length 0.
  std::vector<double> cosines;
};

// One update with all objectives at the same weights, on the same rollouts.
struct ReplayedRow {
  int64_t step = 0;
  int64_t update = 0;
  std::vector<ReplayedUpdate> objectives;  // in order of the options
};

struct ReplayFacts {
  std::string job;
  int64_t start_version = 0;  // of the checkpoint (or 0) that the replay began with
  // Steps whose weights came out byte-equal to the recorded ones; all of them when the run had one rank and the same
  // processor kind, number of threads (--threads) and build. Others differ by rounding.
  int64_t num_exact_steps = 0;
  int64_t num_steps = 0;         // replayed, from start_version on
  int64_t first_other_step = 0;  // the first of the others; 0: there is none
  std::string digest;            // of the weights after the last step
};

// Trains the recorded steps again from the newest valid checkpoint before `first_step`, by the objective that they were
// recorded with; at every update of the steps asked for it also computes the gradients of the given objectives, at the
// same weights and on the same rollouts, and calls `on_row`. Nothing in the run's folder is changed. Memory: the train
// state, and one gradient per objective.
//
// NOT_FOUND: no such run, or rollouts of a step that are not kept any more. INVALID_ARGUMENT: the steps were not
// recorded, or an objective does not fit the job (the message has its name and the field). DATA_LOSS: the record or the
// rollout log is damaged. Not thread-safe.
absl::StatusOr<ReplayFacts> Replay(const ReplayOptions& options, const std::function<void(const ReplayedRow&)>& on_row);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_REPLAY_REPLAY_H_
