// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_service.h"

#include <string>
#include <utility>

#include "common/grpc_status.h"
#include "common/version.h"
#include "coordinator/checkpoint_download.h"
#include "coordinator/dataset/receive_upload.h"
#include "coordinator/job_access.h"
#include "coordinator/job_history.h"
#include "coordinator/job_lifecycle.h"
#include "coordinator/job_list.h"
#include "coordinator/job_watch.h"
#include "coordinator/log_watch.h"
#include "coordinator/process_list.h"

namespace cohort::coordinator {
namespace {

using common::Reply;

// Pause, resume and cancel with an etag: a call that gRPC tries again because its answer got lost finds another etag
// when it was the one that changed the job. It is answered with the job if that is as asked for, else as it was.
absl::StatusOr<cohort::v1::Job> AfterLostAnswer(Coordinator* coordinator, const grpc::ServerContext& context,
                                                const std::string& name, JobRequest request,
                                                absl::StatusOr<cohort::v1::Job> answer) {
  const bool is_tried_again = context.client_metadata().count("grpc-previous-rpc-attempts") > 0;
  if (!absl::IsAborted(answer.status()) || !is_tried_again) return answer;
  absl::StatusOr<cohort::v1::Job> job = coordinator->jobs().Get(name);
  if (!job.ok()) return answer;
  const auto next = AfterRequest(job->state(), request);
  return next.ok() && *next == job->state() ? job : answer;
}

}  // namespace

JobServiceImpl::JobServiceImpl(Coordinator* coordinator, const JobServiceOptions& options)
    : coordinator_(coordinator),
      options_(options),
      watches_(options.watches, &coordinator->context().metrics->WatchesOpen()),
      downloads_(options.downloads, &coordinator->context().metrics->DownloadsOpen()) {}

grpc::Status JobServiceImpl::CreateJob(grpc::ServerContext* context, const cohort::v1::CreateJobRequest* request,
                                       cohort::v1::Job* response) {
  const auto caller = CallerOf(options_.security, *context);
  if (!caller.ok()) return common::ToGrpcStatus(caller.status());
  const absl::Status commands = CheckCommandVerifiers(request->job().spec(), options_.command_verifiers, *caller);
  if (!commands.ok()) return common::ToGrpcStatus(commands);
  return Reply(coordinator_->jobs().Create(*request), response);
}

grpc::Status JobServiceImpl::GetJob(grpc::ServerContext*, const cohort::v1::GetJobRequest* request,
                                    cohort::v1::Job* response) {
  return Reply(coordinator_->jobs().Get(request->name()), response);
}

grpc::Status JobServiceImpl::ListJobs(grpc::ServerContext* context, const cohort::v1::ListJobsRequest* request,
                                      cohort::v1::ListJobsResponse* response) {
  const auto caller = CallerOf(options_.security, *context);
  if (!caller.ok()) return common::ToGrpcStatus(caller.status());
  const NamespaceFilter may_see = [&](std::string_view name_space) { return caller->MaySee(name_space); };
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
    if (is_first) access = CheckNamespace(options_.security, *context, message->parent());
    is_first = false;
    return access.ok();
  };
  auto uploaded = ReceiveUpload(coordinator_->context().datasets, read);
  if (!access.ok()) return common::ToGrpcStatus(access);
  return Reply(std::move(uploaded), response);
}

grpc::Status JobServiceImpl::PauseJob(grpc::ServerContext* context, const cohort::v1::PauseJobRequest* request,
                                      cohort::v1::Job* response) {
  return Reply(AfterLostAnswer(coordinator_, *context, request->name(), JobRequest::kPause,
                               coordinator_->jobs().Pause(request->name(), request->etag())),
               response);
}

grpc::Status JobServiceImpl::ResumeJob(grpc::ServerContext* context, const cohort::v1::ResumeJobRequest* request,
                                       cohort::v1::Job* response) {
  return Reply(AfterLostAnswer(coordinator_, *context, request->name(), JobRequest::kResume,
                               coordinator_->jobs().Resume(request->name(), request->etag())),
               response);
}

grpc::Status JobServiceImpl::CancelJob(grpc::ServerContext* context, const cohort::v1::CancelJobRequest* request,
                                       cohort::v1::Job* response) {
  return Reply(AfterLostAnswer(coordinator_, *context, request->name(), JobRequest::kCancel,
                               coordinator_->jobs().Cancel(request->name(), request->etag())),
               response);
}

grpc::Status JobServiceImpl::DeleteJob(grpc::ServerContext*, const cohort::v1::DeleteJobRequest* request,
                                       cohort::v1::DeleteJobResponse*) {
  return common::ToGrpcStatus(coordinator_->jobs().Delete(*request));
}

grpc::Status JobServiceImpl::WatchJob(grpc::ServerContext* context, const cohort::v1::WatchJobRequest* request,
                                      grpc::ServerWriter<cohort::v1::JobEvent>* writer) {
  const auto caller = CallerOf(options_.security, *context);
  if (!caller.ok()) return common::ToGrpcStatus(caller.status());
  const EventSink sink = {.write = [writer](const cohort::v1::JobEvent& event) { return writer->Write(event); },
                          .is_cancelled = [context] { return context->IsCancelled(); }};
  const CoordinatorContext& coordinator = coordinator_->context();
  return common::ToGrpcStatus(watches_.Run(WatcherOf(caller->identity, context->peer()), [&] {
    return coordinator::WatchJob(coordinator.store, *coordinator.events_signal, *request, sink);
  }));
}

grpc::Status JobServiceImpl::DownloadCheckpoint(grpc::ServerContext* context,
                                                const cohort::v1::DownloadCheckpointRequest* request,
                                                grpc::ServerWriter<cohort::v1::DownloadCheckpointResponse>* writer) {
  const auto caller = CallerOf(options_.security, *context);
  if (!caller.ok()) return common::ToGrpcStatus(caller.status());
  const CoordinatorContext& coordinator = coordinator_->context();
  const CheckpointSource source = {
      .store = coordinator.store, .files = coordinator.files, .checkpoint_root = coordinator.checkpoint_root};
  return common::ToGrpcStatus(downloads_.Run(WatcherOf(caller->identity, context->peer()), [&] {
    return coordinator::DownloadCheckpoint(source, *request,
                                           [writer](const auto& part) { return writer->Write(part); });
  }));
}

grpc::Status JobServiceImpl::WatchLogs(grpc::ServerContext* context, const cohort::v1::WatchLogsRequest* request,
                                       grpc::ServerWriter<cohort::v1::LogLine>* writer) {
  const auto caller = CallerOf(options_.security, *context);
  if (!caller.ok()) return common::ToGrpcStatus(caller.status());
  const CoordinatorContext& coordinator = coordinator_->context();
  const LogSource source = {.store = coordinator.store,
                            .logs = coordinator.logs,
                            .signal = coordinator.logs_signal,
                            .clock = coordinator.clock};
  const LogSink sink = {.write = [writer](const cohort::v1::LogLine& line) { return writer->Write(line); },
                        .is_cancelled = [context] { return context->IsCancelled(); }};
  return common::ToGrpcStatus(watches_.Run(WatcherOf(caller->identity, context->peer()),
                                           [&] { return coordinator::WatchLogs(source, *request, sink); }));
}

grpc::Status JobServiceImpl::ListProcesses(grpc::ServerContext*, const cohort::v1::ListProcessesRequest* request,
                                           cohort::v1::ListProcessesResponse* response) {
  return Reply(
      coordinator::ListProcesses(*request, coordinator_->context(), coordinator_->jobs(), coordinator_->gangs()),
      response);
}

grpc::Status JobServiceImpl::GetVersion(grpc::ServerContext*, const cohort::v1::GetVersionRequest*,
                                        cohort::v1::ProgramVersion* response) {
  response->set_program("cohort-coordinator");
  response->set_version(common::kVersion);
  response->set_compiler(common::CompilerText());
  response->set_build_mode(common::BuildModeText());
  return grpc::Status::OK;
}

}  // namespace cohort::coordinator
