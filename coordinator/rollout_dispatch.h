// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_ROLLOUT_DISPATCH_H_
#define COHORT_COORDINATOR_ROLLOUT_DISPATCH_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/rollout_service.pb.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/job_directory.h"

namespace cohort::coordinator {

// Hands the groups of all running jobs, oldest job first, to rollout workers and takes them back. Thread-safe; the
// dependencies must outlive it.
class RolloutDispatch final {
 public:
  RolloutDispatch(const CoordinatorContext* context, JobDirectory* directory);

  // Waits for groups; without groups when there were none in time, or none for this worker, which is then told why.
  absl::StatusOr<cohort::v1::ClaimGroupsResponse> Claim(const cohort::v1::ClaimGroupsRequest& request,
                                                        const std::function<bool()>& is_cancelled);
  absl::StatusOr<cohort::v1::RolloutSetup> Setup(const std::string& job) const;
  absl::StatusOr<cohort::v1::WorkerHeartbeatResponse> Heartbeat(const cohort::v1::WorkerHeartbeatRequest& request);
  // One receipt per group, in order. Durable for accepted groups.
  absl::StatusOr<std::vector<cohort::v1::GroupReceipt>> Submit(std::vector<Submission> submissions);
  void Release(const cohort::v1::ReleaseGroupsRequest& request);

 private:
  // Groups of all jobs, within the budget and what the worker is trusted with.
  void ClaimWhatIsThere(const cohort::v1::ClaimGroupsRequest& request, cohort::v1::ClaimGroupsResponse* response);
  // Nobody is there to take them.
  void GiveBack(cohort::v1::ClaimGroupsResponse* response);

  const CoordinatorContext* const context_;
  JobDirectory* const directory_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_ROLLOUT_DISPATCH_H_
