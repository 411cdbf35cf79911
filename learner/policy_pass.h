// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_POLICY_PASS_H_
#define COHORT_LEARNER_POLICY_PASS_H_

// Shapes: T trained tokens of a microbatch.
#include <ATen/core/Tensor.h>

#include "absl/status/statusor.h"
#include "learner/batch/microbatch.h"
#include "model/decoder.h"
#include "model/logprob.h"

namespace cohort::learner {

struct PolicyPassOptions {
  double temperature = 1;
  bool differentiable_entropies = false;
  bool recompute_activations = false;  // in the backward pass, as model::PackedPass
};

// Log-probs and entropies of a microbatch's trained tokens under the decoder's present weights, on its device. Both run
// the same operators, so that equal weights give equal bits. The first records what a backward pass needs (through
// entropies only when asked to); the second does not.
absl::StatusOr<model::TokenLogprobs> PolicyLogprobs(const model::Decoder& decoder, const Microbatch& microbatch,
                                                    const PolicyPassOptions& options);
absl::StatusOr<model::TokenLogprobs> PolicyLogprobsWithoutGradient(const model::Decoder& decoder,
                                                                   const Microbatch& microbatch, double temperature);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_POLICY_PASS_H_
