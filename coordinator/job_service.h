// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_SERVICE_H_
#define COHORT_COORDINATOR_JOB_SERVICE_H_

#include "cohort/v1/job_service.grpc.pb.h"
#include "coordinator/coordinator.h"

namespace cohort::coordinator {

// JobService over a coordinator, which must outlive it. Thread-safe.
class JobServiceImpl final : public cohort::v1::JobService::Service {
 public:
  explicit JobServiceImpl(Coordinator* coordinator) : coordinator_(coordinator) {}

  grpc::Status CreateJob(grpc::ServerContext* context, const cohort::v1::CreateJobRequest* request,
                         cohort::v1::Job* response) override;
  grpc::Status GetJob(grpc::ServerContext* context, const cohort::v1::GetJobRequest* request,
                      cohort::v1::Job* response) override;
  grpc::Status ListJobs(grpc::ServerContext* context, const cohort::v1::ListJobsRequest* request,
                        cohort::v1::ListJobsResponse* response) override;
  grpc::Status CancelJob(grpc::ServerContext* context, const cohort::v1::CancelJobRequest* request,
                         cohort::v1::Job* response) override;
  grpc::Status WatchJob(grpc::ServerContext* context, const cohort::v1::WatchJobRequest* request,
                        grpc::ServerWriter<cohort::v1::JobEvent>* writer) override;

 private:
  Coordinator* const coordinator_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_SERVICE_H_
