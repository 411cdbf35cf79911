// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_ENGINE_SAMPLER_H_
#define COHORT_ROLLOUT_WORKER_ENGINE_SAMPLER_H_

// Shapes: R rows, V vocabulary.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "rollout_worker/engine/sequence.h"

namespace cohort::rollout_worker {

// The distribution differs from softmax(logits / temperature), so that sampling_logprobs are recorded too.
bool IsFiltered(const SamplingParameters& sampling);

// One token to draw, and what was drawn.
struct SampledRow {
  const EngineGroup* group = nullptr;
  int32_t sibling = 0;
  int64_t position = 0;  // of the token in its completion, from 0

  int32_t token_id = 0;        // -1: the row's logits are not finite, nothing was drawn
  float behavior_logprob = 0;  // unfiltered, at the sampling temperature; greedy: at temperature 1
  float sampling_logprob = 0;  // under the filtered distribution; only when IsFiltered
};

// Draws tokens on the host, each by its own key, so that a token does not depend on the other rows; log-probs come from
// the learner's function, once per temperature. Not thread-safe: keeps buffers between calls.
class Sampler final {
 public:
  // logits_RV: fp32, one row per element of `rows`. Throws what LibTorch throws.
  void Sample(const at::Tensor& logits_RV, std::vector<SampledRow>* rows);

 private:
  void DrawTokens(const at::Tensor& logits_RV, std::vector<SampledRow>* rows);
  void ComputeLogprobs(const at::Tensor& logits_RV, std::vector<SampledRow>* rows);

  std::vector<int64_t> targets_;
  std::vector<double> temperatures_;  // the different ones of a step
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_ENGINE_SAMPLER_H_
