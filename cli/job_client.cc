// SPDX-License-Identifier: Apache-2.0
#include "cli/job_client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/grpc_channel.h"
#include "common/grpc_status.h"

namespace cohort::cli {
namespace {

using cohort::v1::Job;

// A stream is renewed after this long, so that a dead peer is noticed.
constexpr absl::Duration kWatchStreamDeadline = absl::Minutes(10);

template <typename Response>
absl::StatusOr<Response> Result(const grpc::Status& status, Response response) {
  if (!status.ok()) return common::FromGrpcStatus(status);
  return response;
}

// A stream that lasted this long had a server.
constexpr absl::Duration kReachable = absl::Seconds(5);

// Between two streams.
constexpr absl::Duration kWatchPause = absl::Milliseconds(200);

// What a stream ends with while its server restarts: it drains (OK or CANCELLED), is gone, or fell silent.
bool IsPassing(const absl::Status& status) {
  return status.ok() || absl::IsCancelled(status) || absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

}  // namespace

class JobClient::CallScope {
 public:
  CallScope(JobClient& client, grpc::ClientContext& context, absl::Duration timeout)
      : client_(client), context_(&context) {
    context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    absl::MutexLock lock(&client_.mutex_);
    client_.contexts_.insert(context_);
    if (client_.is_cancelled_) context.TryCancel();
  }
  ~CallScope() {
    absl::MutexLock lock(&client_.mutex_);
    client_.contexts_.erase(context_);
  }

 private:
  JobClient& client_;
  grpc::ClientContext* const context_;
};

JobClient::JobClient(std::string_view server, absl::Duration timeout)
    : timeout_(timeout), stub_(cohort::v1::JobService::NewStub(common::CreateChannel(server))) {}

absl::StatusOr<Job> JobClient::Create(const cohort::v1::CreateJobRequest& request) {
  grpc::ClientContext context;
  const CallScope scope(*this, context, 10 * timeout_);
  Job job;
  const grpc::Status status = stub_->CreateJob(&context, request, &job);
  return Result(status, job);
}

absl::StatusOr<Job> JobClient::Get(const std::string& name) {
  grpc::ClientContext context;
  const CallScope scope(*this, context, timeout_);
  cohort::v1::GetJobRequest request;
  request.set_name(name);
  Job job;
  const grpc::Status status = stub_->GetJob(&context, request, &job);
  return Result(status, job);
}

absl::StatusOr<cohort::v1::ListJobsResponse> JobClient::List(const cohort::v1::ListJobsRequest& request) {
  grpc::ClientContext context;
  const CallScope scope(*this, context, timeout_);
  cohort::v1::ListJobsResponse response;
  const grpc::Status status = stub_->ListJobs(&context, request, &response);
  return Result(status, response);
}

absl::StatusOr<Job> JobClient::Cancel(const std::string& name) {
  grpc::ClientContext context;
  const CallScope scope(*this, context, timeout_);
  cohort::v1::CancelJobRequest request;
  request.set_name(name);
  Job job;
  const grpc::Status status = stub_->CancelJob(&context, request, &job);
  return Result(status, job);
}

bool JobClient::IsCancelled() const {
  absl::MutexLock lock(&mutex_);
  return is_cancelled_;
}

void JobClient::CancelCalls() {
  absl::MutexLock lock(&mutex_);
  is_cancelled_ = true;
  for (grpc::ClientContext* context : contexts_) context->TryCancel();
}

absl::Status JobClient::WatchOnce(const std::string& name, int64_t& resume_token,
                                  const std::function<void(const cohort::v1::JobEvent&)>& on_event) {
  grpc::ClientContext context;
  const CallScope scope(*this, context, kWatchStreamDeadline);
  cohort::v1::WatchJobRequest request;
  request.set_name(name);
  request.set_resume_token(resume_token);
  auto stream = stub_->WatchJob(&context, request);
  cohort::v1::JobEvent event;
  while (stream->Read(&event)) {
    resume_token = std::max(resume_token, event.sequence());
    on_event(event);
  }
  return common::FromGrpcStatus(stream->Finish());
}

absl::Status JobClient::Watch(const std::string& name, int64_t resume_token, absl::Duration patience,
                              const std::function<void(const cohort::v1::JobEvent&)>& on_event) {
  absl::Time last_reachable = absl::Now();
  while (true) {
    const int64_t token_before = resume_token;
    const absl::Time opened = absl::Now();
    absl::Status status = WatchOnce(name, resume_token, on_event);
    if (resume_token != token_before || absl::Now() - opened >= kReachable) last_reachable = absl::Now();
    if (IsCancelled()) return absl::CancelledError("the call was cancelled");
    if (status.ok()) {
      // A coordinator that drains ends its streams, too.
      const absl::StatusOr<Job> job = Get(name);
      if (job.ok() && HasEnded(job->state())) return absl::OkStatus();
      if (!job.ok()) status = job.status();
    }
    if (!IsPassing(status)) return status;
    if (absl::Now() - last_reachable > patience) {
      return status.ok() ? absl::UnavailableError("the stream of events keeps ending") : status;
    }
    absl::SleepFor(kWatchPause);
  }
}

std::string JobName(std::string_view namespace_id, std::string_view id_or_name) {
  if (id_or_name.find('/') != std::string_view::npos) return std::string(id_or_name);
  return absl::StrCat("namespaces/", std::string(namespace_id), "/jobs/", std::string(id_or_name));
}

std::string JobId(std::string_view name) { return std::string(name.substr(name.rfind('/') + 1)); }

bool HasEnded(cohort::v1::JobState state) {
  return state == cohort::v1::JOB_STATE_SUCCEEDED || state == cohort::v1::JOB_STATE_FAILED ||
         state == cohort::v1::JOB_STATE_CANCELLED;
}

}  // namespace cohort::cli
