// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_ACCESS_H_
#define COHORT_COORDINATOR_JOB_ACCESS_H_

#include <string_view>

#include "absl/status/status.h"
#include "cohort/v1/job_service.grpc.pb.h"
#include "common/security/server_security.h"

namespace cohort::coordinator {

// UNAUTHENTICATED, or PERMISSION_DENIED with the namespace, unless the caller may see the namespace of a resource name:
// namespaces/{namespace} and anything below it; an empty name stands for namespaces/default. INVALID_ARGUMENT for other
// names of a caller who may not see all. Null `security`: there are no tokens.
absl::Status CheckNamespace(const security::ServerSecurity* security, const grpc::ServerContext& context,
                            std::string_view name);

// A JobService that lets each caller at the namespaces of its token only, in front of one that knows nothing of
// callers. A job, checkpoint, upload or list of another namespace is PERMISSION_DENIED, whether it exists or not; a
// list over all namespaces, and the jobs of processes, are cut to what the caller may see. Requests with strings or
// lists beyond their bounds are INVALID_ARGUMENT by field (request_limits.h), whoever calls. A method that is not
// overridden here is UNIMPLEMENTED. Thread-safe.
class JobAccess final : public cohort::v1::JobService::Service {
 public:
  // Both must outlive it. Without `security` there are no tokens.
  JobAccess(cohort::v1::JobService::Service* jobs, const security::ServerSecurity* security)
      : jobs_(jobs), security_(security) {}

  grpc::Status CreateJob(grpc::ServerContext* context, const cohort::v1::CreateJobRequest* request,
                         cohort::v1::Job* response) override;
  grpc::Status GetJob(grpc::ServerContext* context, const cohort::v1::GetJobRequest* request,
                      cohort::v1::Job* response) override;
  grpc::Status ListJobs(grpc::ServerContext* context, const cohort::v1::ListJobsRequest* request,
                        cohort::v1::ListJobsResponse* response) override;
  grpc::Status PauseJob(grpc::ServerContext* context, const cohort::v1::PauseJobRequest* request,
                        cohort::v1::Job* response) override;
  grpc::Status ResumeJob(grpc::ServerContext* context, const cohort::v1::ResumeJobRequest* request,
                         cohort::v1::Job* response) override;
  grpc::Status CancelJob(grpc::ServerContext* context, const cohort::v1::CancelJobRequest* request,
                         cohort::v1::Job* response) override;
  grpc::Status DeleteJob(grpc::ServerContext* context, const cohort::v1::DeleteJobRequest* request,
                         cohort::v1::DeleteJobResponse* response) override;
  grpc::Status WatchJob(grpc::ServerContext* context, const cohort::v1::WatchJobRequest* request,
                        grpc::ServerWriter<cohort::v1::JobEvent>* writer) override;
  grpc::Status ListCheckpoints(grpc::ServerContext* context, const cohort::v1::ListCheckpointsRequest* request,
                               cohort::v1::ListCheckpointsResponse* response) override;
  grpc::Status GetCheckpoint(grpc::ServerContext* context, const cohort::v1::GetCheckpointRequest* request,
                             cohort::v1::Checkpoint* response) override;
  grpc::Status ListSteps(grpc::ServerContext* context, const cohort::v1::ListStepsRequest* request,
                         cohort::v1::ListStepsResponse* response) override;
  grpc::Status ListRollouts(grpc::ServerContext* context, const cohort::v1::ListRolloutsRequest* request,
                            cohort::v1::ListRolloutsResponse* response) override;
  grpc::Status ListProcesses(grpc::ServerContext* context, const cohort::v1::ListProcessesRequest* request,
                             cohort::v1::ListProcessesResponse* response) override;
  // The name is in the first message, which the service behind reads: that must call CheckNamespace.
  grpc::Status UploadDataset(grpc::ServerContext* context, grpc::ServerReader<cohort::v1::UploadDatasetRequest>* reader,
                             cohort::v1::UploadDatasetResponse* response) override;

 private:
  using Service = cohort::v1::JobService::Service;

  // Checks name and limits, then calls `method` of the service behind.
  template <typename Request, typename Sink>
  grpc::Status Forward(grpc::Status (Service::*method)(grpc::ServerContext*, const Request*, Sink*),
                       grpc::ServerContext* context, const Request* request, std::string_view name, Sink* sink);

  Service* const jobs_;
  const security::ServerSecurity* const security_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_ACCESS_H_
