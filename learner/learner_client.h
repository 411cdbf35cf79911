// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_LEARNER_CLIENT_H_
#define COHORT_LEARNER_LEARNER_CLIENT_H_

// Torch-free.
#include <grpcpp/client_context.h>

#include <memory>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cohort/v1/learner_service.grpc.pb.h"
#include "learner/step_payload.h"

namespace cohort::learner {

// The coordinator's LearnerService with deadlines on every call. A call waits some seconds for a coordinator that is
// being restarted. Codes are the service's; after UNAVAILABLE and DEADLINE_EXCEEDED the call may be repeated.
// Thread-safe.
class LearnerClient final {
 public:
  // `silence`: how long a step may bring nothing more once it was due.
  explicit LearnerClient(std::shared_ptr<grpc::Channel> channel, absl::Duration silence = absl::Seconds(10));

  absl::StatusOr<cohort::v1::JoinGangResponse> JoinGang(const cohort::v1::JoinGangRequest& request);
  // Ends a JoinGang under way, and every later one, with CANCELLED.
  void CancelJoin();

  // A step of any size may take any time as long as its parts keep coming. INTERNAL when the parts are not a plan and
  // at most its groups.
  absl::StatusOr<StepPayload> GetStep(const cohort::v1::GetStepRequest& request);
  // Ends what GetStep calls are under way, with CANCELLED.
  void CancelSteps();
  absl::Status CommitStep(const cohort::v1::CommitStepRequest& request);
  absl::StatusOr<cohort::v1::PublishVersionResponse> PublishVersion(const cohort::v1::PublishVersionRequest& request);
  absl::StatusOr<cohort::v1::SealCheckpointResponse> SealCheckpoint(const cohort::v1::SealCheckpointRequest& request);
  // With a short deadline.
  absl::Status Heartbeat(const cohort::v1::RankHeartbeatRequest& request);

 private:
  const std::unique_ptr<cohort::v1::LearnerService::Stub> stub_;
  const absl::Duration silence_;
  absl::Mutex mutex_;
  bool join_cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* join_context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::set<grpc::ClientContext*> step_contexts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_LEARNER_CLIENT_H_
