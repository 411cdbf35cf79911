// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_TESTING_FAKE_COORDINATOR_H_
#define COHORT_ROLLOUT_WORKER_TESTING_FAKE_COORDINATOR_H_

// Torch-free.
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "cohort/v1/rollout_service.grpc.pb.h"

namespace cohort::rollout_worker {

// RolloutService with a queue of assignments and a memory of what workers did. Thread-safe.
class FakeCoordinator final : public cohort::v1::RolloutService::Service {
 public:
  // What has happened so far.
  struct Record {
    std::map<int64_t, cohort::v1::RolloutGroup> submitted;  // by group id
    std::map<int64_t, int> num_submits;                     // with repetitions
    std::map<int64_t, int> num_put_off;                     // submits that were answered with "try again"
    std::set<int64_t> different_submits;                    // a repetition was not equal to the first
    std::map<int64_t, std::string> released;                // error by group id
    std::vector<cohort::v1::WorkerDescription> claimed_by;
    std::vector<int32_t> claim_sizes;  // max_groups of each claim that was answered with groups
    int num_hanging_submits = 0;
    std::set<int64_t> renewed;  // in the last heartbeat
    int64_t num_heartbeats = 0;
    int64_t generated_tokens = 0;              // as the last heartbeat said
    std::map<int64_t, std::string> log_lines;  // text by number
    int num_claims_under_way = 0;
  };

  explicit FakeCoordinator(cohort::v1::RolloutSetup setup) : setup_(std::move(setup)) {}

  // Of the job that has the name from now on.
  void SetSetup(cohort::v1::RolloutSetup setup);
  void AddWeights(const cohort::v1::WeightSource& source);
  void AddGroup(const cohort::v1::GroupAssignment& group);
  // From now on heartbeats say that the group's lease is lost.
  void LoseLease(int64_t group_id);
  // The next so many claims end ABORTED, submits with `code` after they were stored.
  void FailNextClaims(int count);
  void FailNextSubmits(int count, grpc::StatusCode code = grpc::StatusCode::UNAVAILABLE);
  // From now on groups of this job are to be submitted again, for this reason; empty ends it.
  void SetTrouble(const std::string& job, const std::string& reason);
  // Claims are answered at once without groups, for this reason; empty ends it.
  void SetAside(const std::string& reason);
  // From now on submits are not answered until they are cancelled.
  void HangSubmits();

  Record Look() ABSL_LOCKS_EXCLUDED(mutex_);
  // False when `condition` did not come true within a generous time.
  bool WaitUntil(const std::function<bool(const Record&)>& condition) ABSL_LOCKS_EXCLUDED(mutex_);

  grpc::Status ClaimGroups(grpc::ServerContext* context, const cohort::v1::ClaimGroupsRequest* request,
                           cohort::v1::ClaimGroupsResponse* response) override;
  grpc::Status GetRolloutSetup(grpc::ServerContext* context, const cohort::v1::GetRolloutSetupRequest* request,
                               cohort::v1::RolloutSetup* response) override;
  grpc::Status Heartbeat(grpc::ServerContext* context, const cohort::v1::WorkerHeartbeatRequest* request,
                         cohort::v1::WorkerHeartbeatResponse* response) override;
  grpc::Status SubmitGroups(grpc::ServerContext* context, grpc::ServerReader<cohort::v1::SubmitGroupsRequest>* reader,
                            cohort::v1::SubmitGroupsResponse* response) override;
  grpc::Status ReleaseGroups(grpc::ServerContext* context, const cohort::v1::ReleaseGroupsRequest* request,
                             cohort::v1::ReleaseGroupsResponse* response) override;

 private:
  void Store(const cohort::v1::RolloutGroup& group) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  cohort::v1::RolloutSetup setup_ ABSL_GUARDED_BY(mutex_);
  Record record_ ABSL_GUARDED_BY(mutex_);
  std::deque<cohort::v1::GroupAssignment> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<cohort::v1::WeightSource> weights_ ABSL_GUARDED_BY(mutex_);
  std::set<int64_t> lost_ ABSL_GUARDED_BY(mutex_);
  int num_failing_claims_ ABSL_GUARDED_BY(mutex_) = 0;
  int num_failing_submits_ ABSL_GUARDED_BY(mutex_) = 0;
  grpc::StatusCode submit_code_ ABSL_GUARDED_BY(mutex_) = grpc::StatusCode::UNAVAILABLE;
  std::map<std::string, std::string> troubles_ ABSL_GUARDED_BY(mutex_);  // by job
  std::string set_aside_ ABSL_GUARDED_BY(mutex_);
  bool do_submits_hang_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_TESTING_FAKE_COORDINATOR_H_
