// SPDX-License-Identifier: Apache-2.0
#include "cli/fake_job_service.h"

#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/grpc_status.h"

namespace cohort::cli {
namespace {

// How soon a stream that stays open sees that its client has left.
constexpr absl::Duration kStreamTick = absl::Milliseconds(5);

}  // namespace

grpc::Status FakeJobService::NotFound(const std::string& name) {
  return common::ToGrpcStatus(absl::NotFoundError(
      absl::StrCat(name.find("/checkpoints/") == std::string::npos ? "job" : "checkpoint", " not found (", name, ")")));
}

FakeJobService::FakeJobService() {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  address_ = absl::StrCat("127.0.0.1:", port);
}

FakeJobService::~FakeJobService() { server_->Shutdown(std::chrono::system_clock::now()); }

void FakeJobService::RefuseCreation(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  creation_status_ = status;
}

void FakeJobService::FailGets(int count) {
  absl::MutexLock lock(&mutex_);
  num_failing_gets_ = count;
}

void FakeJobService::BreakStreamsAfter(int count, const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  break_after_ = count;
  break_status_ = status;
}

void FakeJobService::SetJob(const cohort::v1::Job& job) {
  absl::MutexLock lock(&mutex_);
  jobs_[job.name()] = job;
}

void FakeJobService::SetEvents(const std::string& name, const std::vector<cohort::v1::JobEvent>& events) {
  absl::MutexLock lock(&mutex_);
  events_[name] = events;
}

void FakeJobService::KeepStreamsOpen() {
  absl::MutexLock lock(&mutex_);
  keeps_streams_open_ = true;
}

void FakeJobService::CloseStreams() {
  absl::MutexLock lock(&mutex_);
  keeps_streams_open_ = false;
}

int FakeJobService::NumResumes() const {
  absl::MutexLock lock(&mutex_);
  return num_resumes_;
}

void FakeJobService::SetStates(const std::string& name, const std::vector<cohort::v1::JobState>& states) {
  absl::MutexLock lock(&mutex_);
  states_[name] = states;
}

cohort::v1::ListJobsRequest FakeJobService::LastList() const {
  absl::MutexLock lock(&mutex_);
  return last_list_;
}

cohort::v1::DeleteJobRequest FakeJobService::LastDelete() const {
  absl::MutexLock lock(&mutex_);
  return last_delete_;
}

std::vector<cohort::v1::CreateJobRequest> FakeJobService::Creations() const {
  absl::MutexLock lock(&mutex_);
  return creations_;
}

grpc::Status FakeJobService::CreateJob(grpc::ServerContext*, const cohort::v1::CreateJobRequest* request,
                                       cohort::v1::Job* response) {
  absl::MutexLock lock(&mutex_);
  creations_.push_back(*request);
  if (!creation_status_.ok()) return common::ToGrpcStatus(creation_status_);
  const std::string parent = request->parent().empty() ? "namespaces/default" : request->parent();
  const std::string name = absl::StrCat(parent, "/jobs/", request->job_id());
  cohort::v1::Job job;
  job.set_name(name);
  *job.mutable_spec() = request->job().spec();
  job.set_state(cohort::v1::JOB_STATE_QUEUED);
  // A job that is there already is the first answer.
  *response = request->validate_only() ? job : jobs_.emplace(name, job).first->second;
  return grpc::Status::OK;
}

grpc::Status FakeJobService::GetJob(grpc::ServerContext* context, const cohort::v1::GetJobRequest* request,
                                    cohort::v1::Job* response) {
  absl::MutexLock lock(&mutex_);
  if (num_failing_gets_ > 0) {
    --num_failing_gets_;
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "not now");
  }
  const auto found = jobs_.find(request->name());
  if (found == jobs_.end()) return NotFound(request->name());
  std::vector<cohort::v1::JobState>& states = states_[request->name()];
  if (!states.empty()) {
    found->second.set_state(states.front());
    states.erase(states.begin());
  }
  *response = found->second;
  return grpc::Status::OK;
}

grpc::Status FakeJobService::ListJobs(grpc::ServerContext*, const cohort::v1::ListJobsRequest* request,
                                      cohort::v1::ListJobsResponse* response) {
  absl::MutexLock lock(&mutex_);
  last_list_ = *request;
  const auto job = request->page_token().empty() ? jobs_.begin() : jobs_.find(request->page_token());
  if (job == jobs_.end()) return grpc::Status::OK;
  *response->add_jobs() = job->second;
  if (std::next(job) != jobs_.end()) response->set_next_page_token(std::next(job)->first);
  return grpc::Status::OK;
}

grpc::Status FakeJobService::Change(const std::string& name, const std::string& etag, cohort::v1::JobState state,
                                    cohort::v1::Job* response) {
  absl::MutexLock lock(&mutex_);
  const auto found = jobs_.find(name);
  if (found == jobs_.end()) return NotFound(name);
  if (!etag.empty() && etag != found->second.etag()) {
    return common::ToGrpcStatus(absl::AbortedError("etag: the job has changed"));
  }
  found->second.set_state(state);
  *response = found->second;
  return grpc::Status::OK;
}

grpc::Status FakeJobService::PauseJob(grpc::ServerContext*, const cohort::v1::PauseJobRequest* request,
                                      cohort::v1::Job* response) {
  return Change(request->name(), request->etag(), cohort::v1::JOB_STATE_PAUSED, response);
}

grpc::Status FakeJobService::ResumeJob(grpc::ServerContext*, const cohort::v1::ResumeJobRequest* request,
                                       cohort::v1::Job* response) {
  {
    absl::MutexLock lock(&mutex_);
    ++num_resumes_;
  }
  return Change(request->name(), request->etag(), cohort::v1::JOB_STATE_QUEUED, response);
}

grpc::Status FakeJobService::CancelJob(grpc::ServerContext*, const cohort::v1::CancelJobRequest* request,
                                       cohort::v1::Job* response) {
  return Change(request->name(), request->etag(), cohort::v1::JOB_STATE_CANCELLED, response);
}

grpc::Status FakeJobService::DeleteJob(grpc::ServerContext*, const cohort::v1::DeleteJobRequest* request,
                                       cohort::v1::DeleteJobResponse*) {
  absl::MutexLock lock(&mutex_);
  last_delete_ = *request;
  return jobs_.erase(request->name()) > 0 ? grpc::Status::OK : NotFound(request->name());
}

grpc::Status FakeJobService::WatchJob(grpc::ServerContext* context, const cohort::v1::WatchJobRequest* request,
                                      grpc::ServerWriter<cohort::v1::JobEvent>* writer) {
  std::vector<cohort::v1::JobEvent> events;
  int break_after = 0;
  bool stays_open = false;
  absl::Status break_status;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = events_.find(request->name());
    if (found == events_.end()) return NotFound(request->name());
    events = found->second;
    break_after = break_after_;
    break_status = break_status_;
    stays_open = keeps_streams_open_;
  }
  const size_t newest = request->newest();
  if (newest > 0 && newest < events.size()) events.erase(events.begin(), events.end() - newest);
  int num_sent = 0;
  for (const auto& event : events) {
    if (event.sequence() <= request->resume_token()) continue;
    if (break_after > 0 && num_sent == break_after) return common::ToGrpcStatus(break_status);
    writer->Write(event);
    ++num_sent;
  }
  while (stays_open && !request->past_only() && !context->IsCancelled()) absl::SleepFor(kStreamTick);
  return grpc::Status::OK;
}

}  // namespace cohort::cli
