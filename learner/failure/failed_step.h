// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_FAILURE_FAILED_STEP_H_
#define COHORT_LEARNER_FAILURE_FAILED_STEP_H_

// Torch-free.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cohort/v1/recorded_run.pb.h"
#include "learner/step_payload.h"
#include "objective/update_statistics.h"

namespace cohort::learner {

// A train step that a rank refused because a number is not finite, with all that it takes to meet that number again.
struct FailedStep {
  std::string message;
  int64_t update = 0;  // of the step, whose version is the plan's
  int rank = 0;
  int world_size = 1;
  // Folder of the weights that the update began with, in Hugging Face layout, from the run's folder. May be absent:
  // another rank writes it (failure_saver.h).
  std::string weights;
  // Of all ranks; nullopt when the update was refused before they were known, at the step's start.
  std::optional<objective::UpdateStatistics> statistics;
  // What was known of the update's trained tokens before its first backward pass, by name ("proximal_logprobs"), in
  // order of sequence.
  std::map<std::string, std::vector<float>> numbers;
  cohort::v1::RecordedRun run;  // job, resolved spec, folder of the initial policy
  StepPayload payload;          // the plan, and what this rank has of it
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_FAILURE_FAILED_STEP_H_
