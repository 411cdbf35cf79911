// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_COORDINATOR_CLIENT_H_
#define COHORT_ROLLOUT_WORKER_COORDINATOR_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cohort/v1/rollout_service.grpc.pb.h"

namespace grpc {
class ClientContext;
}

namespace cohort::rollout_worker {

// A group that fits no message is sent in parts: every part is the group with some of its rollouts.
std::vector<cohort::v1::RolloutGroup> SplitIntoParts(cohort::v1::RolloutGroup group, int64_t max_part_bytes);

// Whether a call may succeed when tried again without a change.
bool IsTransient(const absl::Status& status);

// RolloutService as functions with a deadline each; no retries. Thread-safe, but for one ClaimGroups at a time.
class CoordinatorClient final {
 public:
  // `address` is host:port; connects on first use.
  explicit CoordinatorClient(std::string_view address);

  absl::StatusOr<cohort::v1::ClaimGroupsResponse> ClaimGroups(const cohort::v1::ClaimGroupsRequest& request);
  // Ends a ClaimGroups under way, now and every later one, with CANCELLED.
  void CancelClaims() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<cohort::v1::RolloutSetup> GetRolloutSetup(const std::string& job);
  absl::StatusOr<cohort::v1::WorkerHeartbeatResponse> Heartbeat(const cohort::v1::WorkerHeartbeatRequest& request);
  // One stream with the groups, each in parts of about 1 MiB. UNAVAILABLE also when receipts are missing.
  absl::StatusOr<cohort::v1::SubmitGroupsResponse> SubmitGroups(
      const std::string& worker_id, const std::vector<cohort::v1::SubmitGroupsRequest>& groups);
  absl::Status ReleaseGroups(const cohort::v1::ReleaseGroupsRequest& request);

 private:
  const std::unique_ptr<cohort::v1::RolloutService::Stub> stub_;
  absl::Mutex mutex_;
  bool is_cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* claim_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_COORDINATOR_CLIENT_H_
