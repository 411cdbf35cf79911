// SPDX-License-Identifier: Apache-2.0
// Calls with one answer, and names.
#include "cli/job_client.h"

#include <grpcpp/grpcpp.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/grpc_channel.h"
#include "common/grpc_status.h"

namespace cohort::cli {

using cohort::v1::Job;

JobClient::JobClient(std::string_view server, absl::Duration timeout)
    : JobClient(common::CreateChannel(server), timeout) {}

JobClient::JobClient(const std::shared_ptr<grpc::Channel>& channel, absl::Duration timeout)
    : timeout_(timeout), stub_(cohort::v1::JobService::NewStub(channel)) {}

template <typename Request, typename Response>
absl::StatusOr<Response> JobClient::Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                         const Request& request, absl::Duration timeout) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  const common::CallGroup::Member member(&calls_, &context);
  Response response;
  const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
  if (!status.ok()) return common::FromGrpcStatus(status);
  return response;
}

absl::StatusOr<Job> JobClient::Create(const cohort::v1::CreateJobRequest& request) {
  return Call(&Stub::CreateJob, request, 10 * timeout_);
}

absl::StatusOr<Job> JobClient::Get(const std::string& name) {
  cohort::v1::GetJobRequest request;
  request.set_name(name);
  return Call(&Stub::GetJob, request, timeout_);
}

absl::StatusOr<cohort::v1::ListJobsResponse> JobClient::List(const cohort::v1::ListJobsRequest& request) {
  return Call(&Stub::ListJobs, request, timeout_);
}

absl::StatusOr<Job> JobClient::Pause(const std::string& name, const std::string& etag) {
  cohort::v1::PauseJobRequest request;
  request.set_name(name);
  request.set_etag(etag);
  return Call(&Stub::PauseJob, request, timeout_);
}

absl::StatusOr<Job> JobClient::Resume(const std::string& name, const std::string& etag) {
  cohort::v1::ResumeJobRequest request;
  request.set_name(name);
  request.set_etag(etag);
  return Call(&Stub::ResumeJob, request, timeout_);
}

absl::StatusOr<Job> JobClient::Cancel(const std::string& name, const std::string& etag) {
  cohort::v1::CancelJobRequest request;
  request.set_name(name);
  request.set_etag(etag);
  return Call(&Stub::CancelJob, request, timeout_);
}

absl::Status JobClient::Delete(const cohort::v1::DeleteJobRequest& request) {
  return Call(&Stub::DeleteJob, request, timeout_).status();
}

absl::StatusOr<cohort::v1::ListCheckpointsResponse> JobClient::ListCheckpoints(
    const cohort::v1::ListCheckpointsRequest& request) {
  return Call(&Stub::ListCheckpoints, request, timeout_);
}

absl::StatusOr<cohort::v1::Checkpoint> JobClient::GetCheckpoint(const std::string& name) {
  cohort::v1::GetCheckpointRequest request;
  request.set_name(name);
  return Call(&Stub::GetCheckpoint, request, timeout_);
}

absl::StatusOr<cohort::v1::ListStepsResponse> JobClient::ListSteps(const cohort::v1::ListStepsRequest& request) {
  return Call(&Stub::ListSteps, request, timeout_);
}

absl::StatusOr<cohort::v1::ListRolloutsResponse> JobClient::ListRollouts(
    const cohort::v1::ListRolloutsRequest& request) {
  return Call(&Stub::ListRollouts, request, timeout_);
}

absl::StatusOr<cohort::v1::ListProcessesResponse> JobClient::ListProcesses(
    const cohort::v1::ListProcessesRequest& request) {
  return Call(&Stub::ListProcesses, request, timeout_);
}

absl::StatusOr<cohort::v1::ProgramVersion> JobClient::GetVersion() {
  return Call(&Stub::GetVersion, cohort::v1::GetVersionRequest(), timeout_);
}

std::string JobName(std::string_view namespace_id, std::string_view id_or_name) {
  if (id_or_name.find('/') != std::string_view::npos) return std::string(id_or_name);
  return absl::StrCat("namespaces/", std::string(namespace_id), "/jobs/", std::string(id_or_name));
}

std::string JobId(std::string_view name) { return std::string(name.substr(name.rfind('/') + 1)); }

std::string NamespaceId(std::string_view name) {
  const std::vector<std::string> parts = absl::StrSplit(std::string(name), '/');
  return parts.size() > 1 ? parts[1] : "";
}

bool HasEnded(cohort::v1::JobState state) {
  return state == cohort::v1::JOB_STATE_SUCCEEDED || state == cohort::v1::JOB_STATE_FAILED ||
         state == cohort::v1::JOB_STATE_CANCELLED;
}

}  // namespace cohort::cli
