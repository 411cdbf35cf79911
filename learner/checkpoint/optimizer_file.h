// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_CHECKPOINT_OPTIMIZER_FILE_H_
#define COHORT_LEARNER_CHECKPOINT_OPTIMIZER_FILE_H_

#include <string_view>

#include "absl/status/status.h"
#include "learner/flat_parameters.h"
#include "learner/optim/adamw.h"

namespace cohort::learner {

// optimizer.safetensors of a checkpoint: exp_avg.<parameter> and exp_avg_sq.<parameter>, fp32. Durable when written.
absl::Status WriteOptimizerFile(std::string_view directory, const FlatParameters& parameters, const AdamW& optimizer);

// Overwrites the optimizer's moments. DATA_LOSS names file and tensor: missing, or of another shape than the parameter.
absl::Status ReadOptimizerFile(std::string_view directory, const FlatParameters& parameters, AdamW* optimizer);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_CHECKPOINT_OPTIMIZER_FILE_H_
