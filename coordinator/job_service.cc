// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_service.h"

#include <utility>

#include "common/grpc_status.h"
#include "common/status_macros.h"
#include "coordinator/job_ledger.h"
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
  return Reply(coordinator_->jobs().List(*request), response);
}

grpc::Status JobServiceImpl::CancelJob(grpc::ServerContext*, const cohort::v1::CancelJobRequest* request,
                                       cohort::v1::Job* response) {
  return Reply(coordinator_->jobs().Cancel(request->name()), response);
}

grpc::Status JobServiceImpl::WatchJob(grpc::ServerContext* context, const cohort::v1::WatchJobRequest* request,
                                      grpc::ServerWriter<cohort::v1::JobEvent>* writer) {
  return common::ToGrpcStatus(Watch(coordinator_->context(), *request, context, writer));
}

}  // namespace cohort::coordinator
