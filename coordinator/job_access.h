// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_ACCESS_H_
#define COHORT_COORDINATOR_JOB_ACCESS_H_

#include <google/protobuf/descriptor.h>

#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/job_service.grpc.pb.h"
#include "common/security/server_security.h"

namespace cohort::coordinator {

// Who makes a call; UNAUTHENTICATED. Null `security`: there are no tokens, and everybody may do everything.
absl::StatusOr<security::Caller> CallerOf(const security::ServerSecurity* security, const grpc::ServerContext& context);

// UNAUTHENTICATED, or PERMISSION_DENIED with the namespace, unless the caller may see the namespace of a resource name:
// namespaces/{namespace} and anything below it; an empty name stands for namespaces/default. INVALID_ARGUMENT for other
// names of a caller who may not see all. Null `security`: there are no tokens.
absl::Status CheckNamespace(const security::ServerSecurity* security, const grpc::ServerContext& context,
                            std::string_view name);

// The name of JobService in its methods' names; ServerSecurity leaves its roles to JobAccess.
inline constexpr char kJobServiceName[] = "cohort.v1.JobService";

// A JobService that lets each caller at the methods of its role and at the namespaces of its token only, in front of
// the one that does the work. A job, checkpoint, upload or list of another namespace is PERMISSION_DENIED, whether it
// exists or not; the jobs of processes are cut to what the caller may see. A list over all namespaces passes: the
// service behind must cut it. Requests with strings or lists beyond their bounds are INVALID_ARGUMENT by field
// (request_limits.h), whoever calls. A method that is not overridden here is UNIMPLEMENTED. Thread-safe.
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
  grpc::Status DownloadCheckpoint(grpc::ServerContext* context, const cohort::v1::DownloadCheckpointRequest* request,
                                  grpc::ServerWriter<cohort::v1::DownloadCheckpointResponse>* writer) override;
  grpc::Status WatchLogs(grpc::ServerContext* context, const cohort::v1::WatchLogsRequest* request,
                         grpc::ServerWriter<cohort::v1::LogLine>* writer) override;
  grpc::Status ListSteps(grpc::ServerContext* context, const cohort::v1::ListStepsRequest* request,
                         cohort::v1::ListStepsResponse* response) override;
  grpc::Status ListRollouts(grpc::ServerContext* context, const cohort::v1::ListRolloutsRequest* request,
                            cohort::v1::ListRolloutsResponse* response) override;
  grpc::Status ListProcesses(grpc::ServerContext* context, const cohort::v1::ListProcessesRequest* request,
                             cohort::v1::ListProcessesResponse* response) override;
  grpc::Status GetVersion(grpc::ServerContext* context, const cohort::v1::GetVersionRequest* request,
                          cohort::v1::ProgramVersion* response) override;
  // The name is in the first message, which the service behind reads: that must call CheckNamespace.
  grpc::Status UploadDataset(grpc::ServerContext* context, grpc::ServerReader<cohort::v1::UploadDatasetRequest>* reader,
                             cohort::v1::UploadDatasetResponse* response) override;

 private:
  using Service = cohort::v1::JobService::Service;

  // The caller, if its role may send such a request: "GetJobRequest" is that of GetJob.
  absl::StatusOr<security::Caller> Admit(const grpc::ServerContext& context,
                                         const google::protobuf::Descriptor& request) const;
  // Checks role, name, unless there is none, and limits, then calls `method` of the service behind.
  template <typename Request, typename Sink>
  grpc::Status Forward(grpc::Status (Service::*method)(grpc::ServerContext*, const Request*, Sink*),
                       grpc::ServerContext* context, const Request* request, std::optional<std::string_view> name,
                       Sink* sink);

  Service* const jobs_;
  const security::ServerSecurity* const security_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_ACCESS_H_
