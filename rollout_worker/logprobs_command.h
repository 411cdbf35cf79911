// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_LOGPROBS_COMMAND_H_
#define COHORT_ROLLOUT_WORKER_LOGPROBS_COMMAND_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "common/clock.h"

namespace cohort::rollout_worker {

struct LogprobsOptions {
  std::string model;
  std::string input;   // JSONL rows with "token_ids"
  std::string output;  // JSONL, one row per input row
  std::string device = "cpu";
  std::string precision = "fp32";  // or bf16
  double temperature = 1;
};

// Log-prob and entropy of every token but the first of each row, given the tokens before it, by the packed forward pass
// that the learner uses. Nothing is written unless every row succeeded.
absl::Status RunLogprobs(const LogprobsOptions& options, common::Clock* clock);

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_LOGPROBS_COMMAND_H_
