// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_ROLLOUT_SERVICE_H_
#define COHORT_COORDINATOR_ROLLOUT_SERVICE_H_

#include "cohort/v1/rollout_service.grpc.pb.h"
#include "coordinator/claim_messages.h"
#include "coordinator/coordinator.h"

namespace cohort::coordinator {

// RolloutService over a coordinator, which must outlive it. Claims, which wait for groups, have no thread of their own
// (claim_queue.h); the other calls have one each. Thread-safe.
//
// Claims come and go as bytes: gRPC would keep the message of an answer until its last byte has left, with a thousand
// workers hundreds of them, where the few that are just being made are enough.
class RolloutServiceImpl final
    : public cohort::v1::RolloutService::WithRawCallbackMethod_ClaimGroups<cohort::v1::RolloutService::Service> {
 public:
  explicit RolloutServiceImpl(Coordinator* coordinator) : coordinator_(coordinator) {}

  grpc::ServerUnaryReactor* ClaimGroups(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::Status GetRolloutSetup(grpc::ServerContext* context, const cohort::v1::GetRolloutSetupRequest* request,
                               cohort::v1::RolloutSetup* response) override;
  grpc::Status Heartbeat(grpc::ServerContext* context, const cohort::v1::WorkerHeartbeatRequest* request,
                         cohort::v1::WorkerHeartbeatResponse* response) override;
  grpc::Status SubmitGroups(grpc::ServerContext* context, grpc::ServerReader<cohort::v1::SubmitGroupsRequest>* reader,
                            cohort::v1::SubmitGroupsResponse* response) override;
  grpc::Status ReleaseGroups(grpc::ServerContext* context, const cohort::v1::ReleaseGroupsRequest* request,
                             cohort::v1::ReleaseGroupsResponse* response) override;

 private:
  Coordinator* const coordinator_;
  ClaimMessages claim_messages_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_ROLLOUT_SERVICE_H_
