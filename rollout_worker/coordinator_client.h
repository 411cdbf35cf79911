// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_COORDINATOR_CLIENT_H_
#define COHORT_ROLLOUT_WORKER_COORDINATOR_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cohort/v1/rollout_service.grpc.pb.h"
#include "common/call_group.h"

namespace cohort::rollout_worker {

// A group that fits no message is sent in parts: every part is the group with some of its rollouts.
std::vector<cohort::v1::RolloutGroup> SplitIntoParts(cohort::v1::RolloutGroup group, int64_t max_part_bytes);

// Whether a call may succeed when tried again without a change.
bool IsTransient(const absl::Status& status);

// RolloutService as functions with a deadline each; no retries. Thread-safe. The Cancel methods end the calls under
// way, now and every later one, with CANCELLED.
class CoordinatorClient final {
 public:
  explicit CoordinatorClient(const std::shared_ptr<grpc::Channel>& channel);

  absl::StatusOr<cohort::v1::ClaimGroupsResponse> ClaimGroups(const cohort::v1::ClaimGroupsRequest& request);
  absl::StatusOr<cohort::v1::RolloutSetup> GetRolloutSetup(const std::string& job);
  // Of ClaimGroups and GetRolloutSetup.
  void CancelClaims() { claims_.Cancel(); }

  absl::StatusOr<cohort::v1::WorkerHeartbeatResponse> Heartbeat(const cohort::v1::WorkerHeartbeatRequest& request,
                                                                absl::Duration timeout);
  void CancelHeartbeats() { heartbeats_.Cancel(); }

  // One stream with the groups, each in parts of about 1 MiB; the deadline grows with their size. UNAVAILABLE also when
  // receipts are missing; INVALID_ARGUMENT when a rollout fits no message.
  absl::StatusOr<cohort::v1::SubmitGroupsResponse> SubmitGroups(
      const std::string& worker_id, const std::vector<cohort::v1::SubmitGroupsRequest>& groups);
  void CancelSubmits() { submits_.Cancel(); }

  absl::Status ReleaseGroups(const cohort::v1::ReleaseGroupsRequest& request);

 private:
  const std::unique_ptr<cohort::v1::RolloutService::Stub> stub_;
  common::CallGroup claims_, heartbeats_, submits_;
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_COORDINATOR_CLIENT_H_
