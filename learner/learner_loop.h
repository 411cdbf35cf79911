// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_LEARNER_LOOP_H_
#define COHORT_LEARNER_LEARNER_LOOP_H_

#include "absl/status/status.h"
#include "cohort/v1/learner_service.pb.h"
#include "learner/trainer.h"

namespace cohort::learner {

// Life of a learner process: join a gang, train its job until a plan says stop, join again. A lost gang costs no
// restart on CPU. Returns
//   OK             drained
//   ABORTED        the gang is lost and this process cannot join another one (its device may be unusable): start it
//                  again
//   anything else  what stopped the job or the process; the coordinator has been told when the job is to blame
absl::Status RunLearner(const cohort::v1::JoinGangRequest& join, const TrainerEnvironment& environment);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_LEARNER_LOOP_H_
