// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_ROLLOUT_DISPATCH_H_
#define COHORT_COORDINATOR_ROLLOUT_DISPATCH_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cohort/v1/rollout_service.pb.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/job_directory.h"
#include "coordinator/waiting_claims.h"

namespace cohort::coordinator {

// Hands the groups of running jobs to rollout workers, in the order of the queue, and takes them back. A worker meets
// only jobs that its device and memory are enough for. Thread-safe; the dependencies must outlive it.
class RolloutDispatch final {
 public:
  RolloutDispatch(const CoordinatorContext* context, JobDirectory* directory);

  // What there is now; without groups when there are none, or none for this worker, which is then told why.
  absl::StatusOr<cohort::v1::ClaimGroupsResponse> Claim(const cohort::v1::ClaimGroupsRequest& request);
  // The same into `response`, which is cleared first; its memory serves again. On an error it holds nothing of use.
  absl::Status ClaimInto(const cohort::v1::ClaimGroupsRequest& request, cohort::v1::ClaimGroupsResponse* response);
  // Until when a claim that gets nothing waits: as long as it asks for, but a worker that is set aside soon hears why.
  absl::Time ClaimDeadline(const cohort::v1::ClaimGroupsRequest& request) const;
  // The jobs that have groups to claim, and who may.
  std::vector<GroupOffer> Offers() const;
  // The worker is gone before it heard of these groups.
  void GiveBack(cohort::v1::ClaimGroupsResponse* response);
  absl::StatusOr<cohort::v1::RolloutSetup> Setup(const std::string& job) const;
  absl::StatusOr<cohort::v1::WorkerHeartbeatResponse> Heartbeat(const cohort::v1::WorkerHeartbeatRequest& request);
  // One receipt per group, in order. Durable for accepted groups. Groups of a job whose storage is in trouble are to be
  // submitted again, which their receipts say.
  absl::StatusOr<std::vector<cohort::v1::GroupReceipt>> Submit(std::vector<Submission> submissions);
  // The parts that the worker sent make no group: counts against it. Nothing for a worker that did not say its name.
  void RefuseStream(const std::string& worker_id, const absl::Status& reason);
  void Release(const cohort::v1::ReleaseGroupsRequest& request);

 private:
  // Groups of all jobs, within the budget and what the worker is trusted with.
  void ClaimWhatIsThere(const cohort::v1::ClaimGroupsRequest& request, cohort::v1::ClaimGroupsResponse* response);

  const CoordinatorContext* const context_;
  JobDirectory* const directory_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_ROLLOUT_DISPATCH_H_
