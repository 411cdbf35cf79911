// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_CHECKPOINT_STATE_FILES_H_
#define COHORT_LEARNER_CHECKPOINT_STATE_FILES_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/file_system.h"
#include "learner/checkpoint/saved_state.h"
#include "learner/flat_parameters.h"
#include "learner/optim/adamw.h"

namespace cohort::learner {

// Writes the safetensors files of one rank's part into `directory`: the weights under their own names, and
// exp_avg.<parameter> and exp_avg_sq.<parameter> of the same parameters, fp32. Nothing in a file depends on how ranks
// share state while they train. Each is durable when written; `names` is told which were.
absl::Status WritePartFiles(std::string_view directory, const SavedState& state, std::vector<std::string>* names,
                            common::FileSystem* files = common::RealFileSystem());

// Overwrites the moments that this rank's optimizer has, from the files of all parts. DATA_LOSS names file and tensor:
// missing, in two files, or of another shape than the parameter.
absl::Status ReadOptimizerFiles(std::string_view directory, const std::vector<std::string>& names,
                                const FlatParameters& parameters, AdamW* optimizer);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_CHECKPOINT_STATE_FILES_H_
