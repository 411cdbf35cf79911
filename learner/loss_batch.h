// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_LOSS_BATCH_H_
#define COHORT_LEARNER_LOSS_BATCH_H_

// Shapes: T trained tokens of a microbatch.
#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "absl/status/status.h"
#include "learner/batch/microbatch.h"
#include "learner/batch/train_sequence.h"
#include "objective/token_batch.h"

namespace cohort::learner {

// Numbers of a microbatch's trained tokens; undefined where the objective does not need them.
struct TokenNumbers {
  at::Tensor policy_logprobs_T;
  at::Tensor policy_entropies_T;
  at::Tensor proximal_logprobs_T;
  at::Tensor proximal_entropies_T;
  at::Tensor reference_logprobs_T;
};

// Copies to the host what is known before the first backward pass: the objective reads it twice, for the statistics and
// at the loss. Undefined stays so. Throws nothing.
absl::Status MoveToHost(TokenNumbers* numbers);

// A microbatch as the objective reads it: host copies (none where the tensor is on the host already) that live as long
// as this. Microbatch and sequences must outlive it. Not copyable; throws c10::Error when a copy fails.
class LossBatch final {
 public:
  // `sequences` is the list that the microbatch was cut from. With `behavior_is_proximal` o = b.
  LossBatch(const Microbatch& microbatch, const std::vector<TrainSequence>& sequences, const TokenNumbers& numbers,
            bool behavior_is_proximal);
  LossBatch(const LossBatch&) = delete;
  LossBatch& operator=(const LossBatch&) = delete;

  const objective::TokenBatch<float>& batch() const { return batch_; }

 private:
  // Keeps the host copy.
  std::span<const float> HostSpan(const at::Tensor& values_T);

  std::vector<at::Tensor> host_tensors_;
  std::vector<objective::BatchSequence> sequences_;
  objective::TokenBatch<float> batch_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_LOSS_BATCH_H_
