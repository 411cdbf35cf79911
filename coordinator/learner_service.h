// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_LEARNER_SERVICE_H_
#define COHORT_COORDINATOR_LEARNER_SERVICE_H_

#include "cohort/v1/learner_service.grpc.pb.h"
#include "coordinator/coordinator.h"

namespace cohort::coordinator {

// LearnerService over a coordinator, which must outlive it. Thread-safe.
class LearnerServiceImpl final : public cohort::v1::LearnerService::Service {
 public:
  explicit LearnerServiceImpl(Coordinator* coordinator) : coordinator_(coordinator) {}

  grpc::Status JoinGang(grpc::ServerContext* context, const cohort::v1::JoinGangRequest* request,
                        cohort::v1::JoinGangResponse* response) override;
  grpc::Status GetStep(grpc::ServerContext* context, const cohort::v1::GetStepRequest* request,
                       grpc::ServerWriter<cohort::v1::GetStepResponse>* writer) override;
  grpc::Status CommitStep(grpc::ServerContext* context, const cohort::v1::CommitStepRequest* request,
                          cohort::v1::CommitStepResponse* response) override;
  grpc::Status PublishVersion(grpc::ServerContext* context, const cohort::v1::PublishVersionRequest* request,
                              cohort::v1::PublishVersionResponse* response) override;
  grpc::Status SealCheckpoint(grpc::ServerContext* context, const cohort::v1::SealCheckpointRequest* request,
                              cohort::v1::SealCheckpointResponse* response) override;
  grpc::Status Heartbeat(grpc::ServerContext* context, const cohort::v1::RankHeartbeatRequest* request,
                         cohort::v1::RankHeartbeatResponse* response) override;

 private:
  Coordinator* const coordinator_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_LEARNER_SERVICE_H_
