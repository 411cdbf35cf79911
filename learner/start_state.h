// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_START_STATE_H_
#define COHORT_LEARNER_START_STATE_H_

#include <ATen/core/Tensor.h>

#include "absl/status/statusor.h"
#include "cohort/v1/learner_service.pb.h"
#include "learner/learner_metrics.h"
#include "learner/train_state.h"
#include "model/parallel/process_group.h"

namespace cohort::learner {

// The state that a gang begins with, the same version on every rank: the newest checkpoint up to the place's
// resume_version that is valid on all of them, else version 0 of the model; the plans since are replayed. A newer one
// that is damaged is logged and counted, and rank 0 sets it aside. Every rank calls it at the same time.
//
// FAILED_PRECONDITION: a checkpoint of another spec. NOT_FOUND, INVALID_ARGUMENT or DATA_LOSS: the model cannot be
// loaded either; the message names the damaged checkpoints too. Others as RunTogether.
absl::StatusOr<TrainState> LoadStartState(const cohort::v1::JoinGangResponse& place, const at::Device& device,
                                          model::ProcessGroup* group, LearnerMetrics* metrics);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_START_STATE_H_
