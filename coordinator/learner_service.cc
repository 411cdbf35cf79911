// SPDX-License-Identifier: Apache-2.0
#include "coordinator/learner_service.h"

#include "common/grpc_status.h"
#include "common/status_macros.h"
#include "coordinator/request_limits.h"
#include "coordinator/step_payload.h"

namespace cohort::coordinator {
namespace {

absl::Status SendNextStep(Coordinator* coordinator, const cohort::v1::GetStepRequest& request,
                          grpc::ServerContext* call, grpc::ServerWriter<cohort::v1::GetStepResponse>* writer) {
  GangAssembly& gangs = coordinator->gangs();
  COHORT_ASSIGN_OR_RETURN(const auto plan, gangs.WaitForPlan(request, [call] { return call->IsCancelled(); }));
  COHORT_ASSIGN_OR_RETURN(const auto job, gangs.FindJob(request.job()));
  const Dataset* demonstrations = job->demonstrations();
  return SendStep(coordinator->context(), request, plan, demonstrations,
                  [writer](const cohort::v1::GetStepResponse& response) { return writer->Write(response); });
}

absl::Status Publish(Coordinator* coordinator, const cohort::v1::PublishVersionRequest& request,
                     cohort::v1::PublishVersionResponse* response) {
  COHORT_ASSIGN_OR_RETURN(const auto job, coordinator->gangs().FindJob(request.job()));
  COHORT_ASSIGN_OR_RETURN(const int64_t oldest, job->PublishVersion(request));
  response->set_oldest_needed_version(oldest);
  return absl::OkStatus();
}

absl::Status Commit(Coordinator* coordinator, const cohort::v1::CommitStepRequest& request) {
  COHORT_ASSIGN_OR_RETURN(const auto job, coordinator->gangs().FindJob(request.job()));
  return job->CommitStep(request);
}

absl::Status Seal(Coordinator* coordinator, const cohort::v1::SealCheckpointRequest& request,
                  cohort::v1::SealCheckpointResponse* response) {
  COHORT_ASSIGN_OR_RETURN(const auto job, coordinator->gangs().FindJob(request.job()));
  COHORT_RETURN_IF_ERROR(job->SealCheckpoint(request));
  for (const int64_t version : job->BestVersions()) response->add_best_versions(version);
  return absl::OkStatus();
}

}  // namespace

grpc::Status LearnerServiceImpl::JoinGang(grpc::ServerContext* context, const cohort::v1::JoinGangRequest* request,
                                          cohort::v1::JoinGangResponse* response) {
  if (const absl::Status limits = CheckRequestLimits(*request); !limits.ok()) return common::ToGrpcStatus(limits);
  return common::Reply(coordinator_->gangs().Join(*request, [context] { return context->IsCancelled(); }), response);
}

grpc::Status LearnerServiceImpl::GetStep(grpc::ServerContext* context, const cohort::v1::GetStepRequest* request,
                                         grpc::ServerWriter<cohort::v1::GetStepResponse>* writer) {
  if (const absl::Status limits = CheckRequestLimits(*request); !limits.ok()) return common::ToGrpcStatus(limits);
  const absl::Status status = SendNextStep(coordinator_, *request, context, writer);
  // UNAVAILABLE is the answer to a long poll here: the channel must not repeat the call by itself.
  if (absl::IsUnavailable(status)) context->AddTrailingMetadata("grpc-retry-pushback-ms", "-1");
  return common::ToGrpcStatus(status);
}

grpc::Status LearnerServiceImpl::CommitStep(grpc::ServerContext*, const cohort::v1::CommitStepRequest* request,
                                            cohort::v1::CommitStepResponse*) {
  if (const absl::Status limits = CheckRequestLimits(*request); !limits.ok()) return common::ToGrpcStatus(limits);
  return common::ToGrpcStatus(Commit(coordinator_, *request));
}

grpc::Status LearnerServiceImpl::PublishVersion(grpc::ServerContext*, const cohort::v1::PublishVersionRequest* request,
                                                cohort::v1::PublishVersionResponse* response) {
  if (const absl::Status limits = CheckRequestLimits(*request); !limits.ok()) return common::ToGrpcStatus(limits);
  return common::ToGrpcStatus(Publish(coordinator_, *request, response));
}

grpc::Status LearnerServiceImpl::SealCheckpoint(grpc::ServerContext*, const cohort::v1::SealCheckpointRequest* request,
                                                cohort::v1::SealCheckpointResponse* response) {
  if (const absl::Status limits = CheckRequestLimits(*request); !limits.ok()) return common::ToGrpcStatus(limits);
  return common::ToGrpcStatus(Seal(coordinator_, *request, response));
}

grpc::Status LearnerServiceImpl::Heartbeat(grpc::ServerContext*, const cohort::v1::RankHeartbeatRequest* request,
                                           cohort::v1::RankHeartbeatResponse*) {
  if (const absl::Status limits = CheckRequestLimits(*request); !limits.ok()) return common::ToGrpcStatus(limits);
  const absl::Status renewed = coordinator_->gangs().Heartbeat(*request);
  // Behind it: lines may have to wait for the store.
  coordinator_->logs().AddReport(cohort::v1::PROCESS_ROLE_LEARNER, request->learner_id(), request->log());
  return common::ToGrpcStatus(renewed);
}

}  // namespace cohort::coordinator
