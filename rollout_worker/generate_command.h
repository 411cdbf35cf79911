// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_GENERATE_COMMAND_H_
#define COHORT_ROLLOUT_WORKER_GENERATE_COMMAND_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "common/clock.h"
#include "rollout_worker/engine/engine.h"

namespace cohort::rollout_worker {

struct GenerateOptions {
  std::string model;
  std::string input;   // JSONL rows with "prompt"
  std::string output;  // JSONL, one row per completion
  std::string device = "cpu";
  std::string precision = "fp32";  // or bf16
  EngineOptions engine;
  SamplingParameters sampling{.max_completion_tokens = 256};
  int32_t samples = 1;
  int64_t seed = 0;
};

// Samples completions of every prompt with no service running. The row number, from 0, stands for the problem in the
// sampling key. Nothing is written unless every row succeeded.
absl::Status RunGenerate(const GenerateOptions& options, common::Clock* clock);

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_GENERATE_COMMAND_H_
