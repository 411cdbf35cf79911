// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TESTING_FULL_LOGITS_HEAD_H_
#define COHORT_MODEL_TESTING_FULL_LOGITS_HEAD_H_

// Shapes: T rows, D hidden size, V vocabulary.
#include <ATen/core/Tensor.h>

#include "model/logprob.h"

namespace cohort::model {

// What model/logprob.h computes, as one writes it in PyTorch: logits of all rows, log_softmax in fp32, gather, entropy;
// differentiable by autograd, entropies only with `differentiable_entropies`. The peer of tests and benchmarks: it
// keeps no tensor longer than its formulas need.
TokenLogprobs FullLogitsHead(const at::Tensor& hidden_TD, const at::Tensor& weight_VD, const at::Tensor& targets_T,
                             double temperature, bool differentiable_entropies);

}  // namespace cohort::model

#endif  // COHORT_MODEL_TESTING_FULL_LOGITS_HEAD_H_
