// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_COMPLETION_TEXT_H_
#define COHORT_ROLLOUT_WORKER_COMPLETION_TEXT_H_

// Torch-free.
#include <string>

#include "model/tokenizer/tokenizer.h"
#include "rollout_worker/engine/sequence.h"

namespace cohort::rollout_worker {

// The completion as text, without the EOS that ended it. A model's vocabulary may be larger than its tokenizer's; such
// an id stands as U+FFFD: what a model says is never an error.
std::string CompletionText(const Sequence& sequence, const model::Tokenizer& tokenizer);

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_COMPLETION_TEXT_H_
