// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_STEP_WAIT_H_
#define COHORT_LEARNER_STEP_WAIT_H_

// Torch-free.
#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cohort/v1/learner_service.pb.h"
#include "common/clock.h"
#include "learner/gang_membership.h"
#include "learner/learner_client.h"
#include "learner/learner_metrics.h"
#include "learner/step_payload.h"

namespace cohort::learner {

// What waiting for a step needs; the pointers must outlive the call.
struct StepWait {
  LearnerClient* client = nullptr;
  const GangMembership* membership = nullptr;
  common::Clock* clock = nullptr;
  LearnerMetrics* metrics = nullptr;
  std::function<void(absl::Duration)> pause;  // how time is spent
};

// The plan of the next step of the rank at `place`, which has `policy_version`, with the rank's share of its groups.
// Waits until the coordinator has one, however long it is away. ABORTED: the gang was dissolved. CANCELLED: draining,
// and the coordinator is gone. Others are those of LearnerClient::GetStep.
absl::StatusOr<StepPayload> AwaitStep(const cohort::v1::JoinGangResponse& place, int64_t policy_version,
                                      const StepWait& wait);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_STEP_WAIT_H_
