// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_access.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/field_error.h"
#include "common/grpc_status.h"
#include "common/status_macros.h"
#include "coordinator/request_limits.h"

namespace cohort::coordinator {
namespace {

constexpr std::string_view kPrefix = "namespaces/";
constexpr std::string_view kDefaultNamespace = "default";
constexpr std::string_view kAllNamespaces = "namespaces/-";

// Nothing when it is no resource name.
std::optional<std::string_view> NamespaceIn(std::string_view name) {
  if (name.empty()) return kDefaultNamespace;
  if (name.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  return name.substr(0, name.find('/'));
}

absl::Status CheckName(const security::Caller& caller, std::string_view name) {
  if (caller.sees_all) return absl::OkStatus();
  const auto name_space = NamespaceIn(name);
  if (!name_space.has_value()) return common::InvalidField("name", name, "must begin with namespaces/{namespace}");
  if (caller.MaySee(*name_space)) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("the token is not for the namespace ", std::string(*name_space).substr(0, 64)));
}

bool MaySee(const security::Caller& caller, std::string_view job) {
  const auto name_space = NamespaceIn(job);
  return name_space.has_value() && caller.MaySee(*name_space);
}

}  // namespace

absl::StatusOr<security::Caller> CallerOf(const security::ServerSecurity* security,
                                          const grpc::ServerContext& context) {
  if (security == nullptr) return security::Caller();
  return security->CallerOf(context);
}

absl::Status CheckNamespace(const security::ServerSecurity* security, const grpc::ServerContext& context,
                            std::string_view name) {
  COHORT_ASSIGN_OR_RETURN(const security::Caller caller, CallerOf(security, context));
  return CheckName(caller, name);
}

absl::StatusOr<security::Caller> JobAccess::Admit(const grpc::ServerContext& context,
                                                  const google::protobuf::Descriptor& request) const {
  if (security_ == nullptr) return security::Caller();
  std::string method = request.name();
  absl::string_view name = method;
  if (absl::ConsumeSuffix(&name, "Request")) method = std::string(name);
  return security_->Admit(context, absl::StrCat("/", kJobServiceName, "/", method));
}

template <typename Request, typename Sink>
grpc::Status JobAccess::Forward(grpc::Status (Service::*method)(grpc::ServerContext*, const Request*, Sink*),
                                grpc::ServerContext* context, const Request* request,
                                std::optional<std::string_view> name, Sink* sink) {
  const auto caller = Admit(*context, *Request::descriptor());
  if (!caller.ok()) return common::ToGrpcStatus(caller.status());
  absl::Status status = name.has_value() ? CheckName(*caller, *name) : absl::OkStatus();
  if (status.ok()) status = CheckRequestLimits(*request);
  return status.ok() ? (jobs_->*method)(context, request, sink) : common::ToGrpcStatus(status);
}

grpc::Status JobAccess::CreateJob(grpc::ServerContext* context, const cohort::v1::CreateJobRequest* request,
                                  cohort::v1::Job* response) {
  return Forward(&Service::CreateJob, context, request, request->parent(), response);
}

grpc::Status JobAccess::GetJob(grpc::ServerContext* context, const cohort::v1::GetJobRequest* request,
                               cohort::v1::Job* response) {
  return Forward(&Service::GetJob, context, request, request->name(), response);
}

grpc::Status JobAccess::ListJobs(grpc::ServerContext* context, const cohort::v1::ListJobsRequest* request,
                                 cohort::v1::ListJobsResponse* response) {
  std::optional<std::string_view> name = request->parent();
  if (name == kAllNamespaces) name.reset();
  return Forward(&Service::ListJobs, context, request, name, response);
}

grpc::Status JobAccess::PauseJob(grpc::ServerContext* context, const cohort::v1::PauseJobRequest* request,
                                 cohort::v1::Job* response) {
  return Forward(&Service::PauseJob, context, request, request->name(), response);
}

grpc::Status JobAccess::ResumeJob(grpc::ServerContext* context, const cohort::v1::ResumeJobRequest* request,
                                  cohort::v1::Job* response) {
  return Forward(&Service::ResumeJob, context, request, request->name(), response);
}

grpc::Status JobAccess::CancelJob(grpc::ServerContext* context, const cohort::v1::CancelJobRequest* request,
                                  cohort::v1::Job* response) {
  return Forward(&Service::CancelJob, context, request, request->name(), response);
}

grpc::Status JobAccess::DeleteJob(grpc::ServerContext* context, const cohort::v1::DeleteJobRequest* request,
                                  cohort::v1::DeleteJobResponse* response) {
  return Forward(&Service::DeleteJob, context, request, request->name(), response);
}

grpc::Status JobAccess::WatchJob(grpc::ServerContext* context, const cohort::v1::WatchJobRequest* request,
                                 grpc::ServerWriter<cohort::v1::JobEvent>* writer) {
  return Forward(&Service::WatchJob, context, request, request->name(), writer);
}

grpc::Status JobAccess::ListCheckpoints(grpc::ServerContext* context, const cohort::v1::ListCheckpointsRequest* request,
                                        cohort::v1::ListCheckpointsResponse* response) {
  return Forward(&Service::ListCheckpoints, context, request, request->parent(), response);
}

grpc::Status JobAccess::GetCheckpoint(grpc::ServerContext* context, const cohort::v1::GetCheckpointRequest* request,
                                      cohort::v1::Checkpoint* response) {
  return Forward(&Service::GetCheckpoint, context, request, request->name(), response);
}

grpc::Status JobAccess::DownloadCheckpoint(grpc::ServerContext* context,
                                           const cohort::v1::DownloadCheckpointRequest* request,
                                           grpc::ServerWriter<cohort::v1::DownloadCheckpointResponse>* writer) {
  return Forward(&Service::DownloadCheckpoint, context, request, request->name(), writer);
}

grpc::Status JobAccess::WatchLogs(grpc::ServerContext* context, const cohort::v1::WatchLogsRequest* request,
                                  grpc::ServerWriter<cohort::v1::LogLine>* writer) {
  return Forward(&Service::WatchLogs, context, request, request->name(), writer);
}

grpc::Status JobAccess::ListSteps(grpc::ServerContext* context, const cohort::v1::ListStepsRequest* request,
                                  cohort::v1::ListStepsResponse* response) {
  return Forward(&Service::ListSteps, context, request, request->parent(), response);
}

grpc::Status JobAccess::ListRollouts(grpc::ServerContext* context, const cohort::v1::ListRolloutsRequest* request,
                                     cohort::v1::ListRolloutsResponse* response) {
  return Forward(&Service::ListRollouts, context, request, request->parent(), response);
}

grpc::Status JobAccess::ListProcesses(grpc::ServerContext* context, const cohort::v1::ListProcessesRequest* request,
                                      cohort::v1::ListProcessesResponse* response) {
  const auto caller = CallerOf(security_, *context);
  if (!caller.ok()) return common::ToGrpcStatus(caller.status());
  const grpc::Status status = Forward(&Service::ListProcesses, context, request, std::nullopt, response);
  for (cohort::v1::Process& process : *response->mutable_processes()) {
    auto& jobs = *process.mutable_jobs();
    jobs.erase(std::remove_if(jobs.begin(), jobs.end(), [&](const auto& job) { return !MaySee(*caller, job); }),
               jobs.end());
  }
  return status;
}

grpc::Status JobAccess::GetVersion(grpc::ServerContext* context, const cohort::v1::GetVersionRequest* request,
                                   cohort::v1::ProgramVersion* response) {
  return Forward(&Service::GetVersion, context, request, std::nullopt, response);
}

grpc::Status JobAccess::UploadDataset(grpc::ServerContext* context,
                                      grpc::ServerReader<cohort::v1::UploadDatasetRequest>* reader,
                                      cohort::v1::UploadDatasetResponse* response) {
  const auto caller = Admit(*context, *cohort::v1::UploadDatasetRequest::descriptor());
  return caller.ok() ? jobs_->UploadDataset(context, reader, response) : common::ToGrpcStatus(caller.status());
}

}  // namespace cohort::coordinator
