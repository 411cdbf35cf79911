// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_service.h"

#include <utility>

#include "common/grpc_status.h"
#include "common/status_macros.h"
#include "coordinator/dataset/receive_upload.h"
#include "coordinator/job_access.h"
#include "coordinator/job_history.h"
#include "coordinator/job_ledger.h"
#include "coordinator/job_list.h"
#include "coordinator/process_list.h"
#include "coordinator/resource_name.h"

namespace cohort::coordinator {
namespace {

constexpr int kEventsPerRead = 100;

// Hands over an answer, converting the status once.
template <typename Answer>
grpc::Status Reply(absl::StatusOr<Answer> answer, Answer* response) {
  if (answer.ok()) *response = *std::move(answer);
  return common::ToGrpcStatus(answer.status());
}

absl::Status Watch(const CoordinatorContext& coordinator, const cohort::v1::WatchJobRequest& request,
                   grpc::ServerContext* call, grpc::ServerWriter<cohort::v1::JobEvent>* writer) {
  COHORT_RETURN_IF_ERROR(CheckJobName(request.name()));
  int64_t after = request.resume_token();
  while (true) {
    const int64_t seen = coordinator.events_signal->count();
    // The state first: a job that has ended gets no event after the ones read below.
    COHORT_ASSIGN_OR_RETURN(const JobRecord record, coordinator.store->GetJob(request.name()));
    COHORT_ASSIGN_OR_RETURN(const auto events, coordinator.store->ListEvents(request.name(), after, kEventsPerRead));
    for (const cohort::v1::JobEvent& event : events) {
      if (!writer->Write(event)) return absl::CancelledError("the watcher hung up");
      after = event.sequence();
    }
    if (!events.empty()) continue;
    if (HasEnded(record.job.state())) return absl::OkStatus();
    const bool has_news =
        coordinator.events_signal->WaitBeyond(seen, absl::InfiniteFuture(), [call] { return call->IsCancelled(); });
    if (call->IsCancelled()) return absl::CancelledError("the watcher hung up");
    if (!has_news) return absl::UnavailableError("the coordinator is stopping");
  }
}

}  // namespace

grpc::Status JobServiceImpl::CreateJob(grpc::ServerContext*, const cohort::v1::CreateJobRequest* request,
                                       cohort::v1::Job* response) {
  return Reply(coordinator_->jobs().Create(*request), response);
}

grpc::Status JobServiceImpl::GetJob(grpc::ServerContext*, const cohort::v1::GetJobRequest* request,
                                    cohort::v1::Job* response) {
  return Reply(coordinator_->jobs().Get(request->name()), response);
}

grpc::Status JobServiceImpl::ListJobs(grpc::ServerContext*, const cohort::v1::ListJobsRequest* request,
                                      cohort::v1::ListJobsResponse* response) {
  const NamespaceFilter may_see = [](std::string_view) { return true; };
  auto page = coordinator::ListJobs(coordinator_->context().store, *request, may_see);
  if (!page.ok()) return common::ToGrpcStatus(page.status());
  for (cohort::v1::Job& job : *page->mutable_jobs()) job = coordinator_->jobs().View(job);
  return Reply(std::move(page), response);
}

grpc::Status JobServiceImpl::ListCheckpoints(grpc::ServerContext*, const cohort::v1::ListCheckpointsRequest* request,
                                             cohort::v1::ListCheckpointsResponse* response) {
  return Reply(coordinator::ListCheckpoints(coordinator_->context().store, *request), response);
}

grpc::Status JobServiceImpl::GetCheckpoint(grpc::ServerContext*, const cohort::v1::GetCheckpointRequest* request,
                                           cohort::v1::Checkpoint* response) {
  return Reply(coordinator::GetCheckpoint(coordinator_->context().store, *request), response);
}

grpc::Status JobServiceImpl::ListSteps(grpc::ServerContext*, const cohort::v1::ListStepsRequest* request,
                                       cohort::v1::ListStepsResponse* response) {
  return Reply(coordinator::ListSteps(coordinator_->context().store, *request), response);
}

grpc::Status JobServiceImpl::ListRollouts(grpc::ServerContext*, const cohort::v1::ListRolloutsRequest* request,
                                          cohort::v1::ListRolloutsResponse* response) {
  return Reply(coordinator_->browser().List(*request), response);
}

grpc::Status JobServiceImpl::UploadDataset(grpc::ServerContext* context,
                                           grpc::ServerReader<cohort::v1::UploadDatasetRequest>* reader,
                                           cohort::v1::UploadDatasetResponse* response) {
  bool is_first = true;
  absl::Status access;
  const auto read = [&](cohort::v1::UploadDatasetRequest* message) {
    if (!reader->Read(message)) return false;
    if (is_first) access = CheckNamespace(security_, *context, message->parent());
    is_first = false;
    return access.ok();
  };
  auto uploaded = ReceiveUpload(coordinator_->context().datasets, read);
  if (!access.ok()) return common::ToGrpcStatus(access);
  return Reply(std::move(uploaded), response);
}

grpc::Status JobServiceImpl::PauseJob(grpc::ServerContext*, const cohort::v1::PauseJobRequest* request,
                                      cohort::v1::Job* response) {
  return Reply(coordinator_->jobs().Pause(request->name(), request->etag()), response);
}

grpc::Status JobServiceImpl::ResumeJob(grpc::ServerContext*, const cohort::v1::ResumeJobRequest* request,
                                       cohort::v1::Job* response) {
  return Reply(coordinator_->jobs().Resume(request->name(), request->etag()), response);
}

grpc::Status JobServiceImpl::CancelJob(grpc::ServerContext*, const cohort::v1::CancelJobRequest* request,
                                       cohort::v1::Job* response) {
  return Reply(coordinator_->jobs().Cancel(request->name(), request->etag()), response);
}

grpc::Status JobServiceImpl::DeleteJob(grpc::ServerContext*, const cohort::v1::DeleteJobRequest* request,
                                       cohort::v1::DeleteJobResponse*) {
  return common::ToGrpcStatus(coordinator_->jobs().Delete(*request));
}

grpc::Status JobServiceImpl::WatchJob(grpc::ServerContext* context, const cohort::v1::WatchJobRequest* request,
                                      grpc::ServerWriter<cohort::v1::JobEvent>* writer) {
  return common::ToGrpcStatus(Watch(coordinator_->context(), *request, context, writer));
}

grpc::Status JobServiceImpl::ListProcesses(grpc::ServerContext*, const cohort::v1::ListProcessesRequest*,
                                           cohort::v1::ListProcessesResponse* response) {
  *response = coordinator::ListProcesses(coordinator_->context(), coordinator_->jobs(), coordinator_->gangs());
  return grpc::Status::OK;
}

}  // namespace cohort::coordinator
