// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_CHECKPOINT_OPTIMIZER_FILE_H_
#define COHORT_LEARNER_CHECKPOINT_OPTIMIZER_FILE_H_

#include <string_view>

#include "absl/status/status.h"
#include "common/file_system.h"
#include "learner/checkpoint/saved_state.h"
#include "learner/flat_parameters.h"
#include "learner/optim/adamw.h"
#include "learner/train_state.h"

namespace cohort::learner {

// optimizer.safetensors of a checkpoint: exp_avg.<parameter> and exp_avg_sq.<parameter>, fp32, of all parameters:
// nothing in it depends on the ranks or on how they share it. Durable when written.
absl::Status WriteOptimizerFile(std::string_view directory, const SavedState& state,
                                common::FileSystem* files = common::RealFileSystem());

// Overwrites the moments that this rank's optimizer has. DATA_LOSS names file and tensor: missing, or of another shape
// than the parameter.
absl::Status ReadOptimizerFile(std::string_view directory, const FlatParameters& parameters, AdamW* optimizer);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_CHECKPOINT_OPTIMIZER_FILE_H_
