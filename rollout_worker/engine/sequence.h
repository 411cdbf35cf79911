// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_ENGINE_SEQUENCE_H_
#define COHORT_ROLLOUT_WORKER_ENGINE_SEQUENCE_H_

// Torch-free.
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cohort/v1/rollout.pb.h"

namespace cohort::rollout_worker {

// How tokens are drawn and how long a completion may get.
struct SamplingParameters {
  double temperature = 1;  // 0 is greedy
  int32_t top_k = 0;       // 0 keeps all
  double top_p = 1;
  int32_t max_completion_tokens = 0;  // EOS included; at least 1
};

// One prompt to be completed `group_size` times. What is sampled is a function of these fields and the policy alone.
struct EngineGroup {
  int64_t id = 0;  // the caller's; unique among the groups in the engine
  std::vector<int32_t> prompt_token_ids;
  int32_t group_size = 1;
  SamplingParameters sampling;
  // The sampling key, together with sibling and token position.
  int64_t seed = 0;
  int64_t problem_id = 0;
  int64_t epoch = 0;
};

// One completion, in progress or finished.
struct Sequence {
  std::vector<int32_t> token_ids;        // EOS included
  std::vector<float> behavior_logprobs;  // one per token
  std::vector<float> sampling_logprobs;  // one per token, or empty when nothing is filtered
  cohort::v1::FinishReason finish_reason = cohort::v1::FINISH_REASON_UNSPECIFIED;
  // On the engine's clock: Engine::Add, the begin and the end of the step in which it joins, the end of its last step.
  absl::Duration arrival_time, join_time, first_token_time, last_token_time;
};

// A group whose siblings are all finished, or that could not be sampled and is forgotten.
struct SampledGroup {
  int64_t id = 0;
  absl::Status status;              // why not; then there are no sequences
  std::vector<Sequence> sequences;  // in order of sibling
  absl::Duration generation_time;   // from the prefill to the last token
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_ENGINE_SEQUENCE_H_
