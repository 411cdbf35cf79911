// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_FAILURE_FAILURE_SAVER_H_
#define COHORT_LEARNER_FAILURE_FAILURE_SAVER_H_

#include <string>

#include "absl/status/statusor.h"
#include "cohort/v1/learner_service.pb.h"
#include "learner/prepared_update.h"
#include "learner/step_payload.h"

namespace cohort::learner {

// Of the ranks that met something in one update, the first so many keep what they had.
inline constexpr int kMaxSavingRanks = 4;

// What a rank has when an update fails; the pointers must outlive the call.
struct FailingRank {
  const cohort::v1::JoinGangResponse* place = nullptr;
  const StepPayload* payload = nullptr;  // of the step, its trained part
  std::string digest;                    // of the weights that the step began with, 32 bytes
};

// Keeps a failed update for replay in `failures` beside the job's checkpoints (failed_step_folder.h), and returns the
// folder from the run's folder on; empty when enough other ranks keep theirs. The first of the ranks writes the weights
// too, for all, unless they are those of a sealed checkpoint: 4 bytes a parameter. The folder that the others name may
// be absent: nobody waits for it, and the first one may meet a full disk, or a checkpoint that was sealed since. Errors
// of WriteFailedStep.
absl::StatusOr<std::string> SaveFailure(const FailedUpdate& failed, const FailingRank& rank);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_FAILURE_FAILURE_SAVER_H_
