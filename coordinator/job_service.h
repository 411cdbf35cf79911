// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_SERVICE_H_
#define COHORT_COORDINATOR_JOB_SERVICE_H_

#include "cohort/v1/job_service.grpc.pb.h"
#include "common/security/server_security.h"
#include "coordinator/command_verifiers.h"
#include "coordinator/coordinator.h"
#include "coordinator/open_watches.h"

namespace cohort::coordinator {

// What a JobServiceImpl does with callers.
struct JobServiceOptions {
  const security::ServerSecurity* security = nullptr;  // must outlive it; null: there are no tokens
  CommandVerifierUse command_verifiers = CommandVerifierUse::kSubmitters;
  WatchLimits watches;
  WatchLimits downloads = kDownloadLimits;
};

// JobService over a coordinator. job_access.h stands in front of it and refuses callers by role and name; what depends
// on the caller beyond that is here: the namespace of an upload, which is in its first message, the jobs of a list over
// namespaces, command verifiers, and how many watches and downloads are open. Thread-safe.
class JobServiceImpl final : public cohort::v1::JobService::Service {
 public:
  // `coordinator` must outlive it.
  explicit JobServiceImpl(Coordinator* coordinator, const JobServiceOptions& options = {});

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
  grpc::Status ListCheckpoints(grpc::ServerContext* context, const cohort::v1::ListCheckpointsRequest* request,
                               cohort::v1::ListCheckpointsResponse* response) override;
  grpc::Status GetCheckpoint(grpc::ServerContext* context, const cohort::v1::GetCheckpointRequest* request,
                             cohort::v1::Checkpoint* response) override;
  grpc::Status ListSteps(grpc::ServerContext* context, const cohort::v1::ListStepsRequest* request,
                         cohort::v1::ListStepsResponse* response) override;
  grpc::Status ListRollouts(grpc::ServerContext* context, const cohort::v1::ListRolloutsRequest* request,
                            cohort::v1::ListRolloutsResponse* response) override;
  grpc::Status UploadDataset(grpc::ServerContext* context, grpc::ServerReader<cohort::v1::UploadDatasetRequest>* reader,
                             cohort::v1::UploadDatasetResponse* response) override;
  grpc::Status CancelJob(grpc::ServerContext* context, const cohort::v1::CancelJobRequest* request,
                         cohort::v1::Job* response) override;
  grpc::Status DeleteJob(grpc::ServerContext* context, const cohort::v1::DeleteJobRequest* request,
                         cohort::v1::DeleteJobResponse* response) override;
  grpc::Status WatchJob(grpc::ServerContext* context, const cohort::v1::WatchJobRequest* request,
                        grpc::ServerWriter<cohort::v1::JobEvent>* writer) override;
  grpc::Status DownloadCheckpoint(grpc::ServerContext* context, const cohort::v1::DownloadCheckpointRequest* request,
                                  grpc::ServerWriter<cohort::v1::DownloadCheckpointResponse>* writer) override;
  grpc::Status WatchLogs(grpc::ServerContext* context, const cohort::v1::WatchLogsRequest* request,
                         grpc::ServerWriter<cohort::v1::LogLine>* writer) override;
  grpc::Status ListProcesses(grpc::ServerContext* context, const cohort::v1::ListProcessesRequest* request,
                             cohort::v1::ListProcessesResponse* response) override;
  grpc::Status GetVersion(grpc::ServerContext* context, const cohort::v1::GetVersionRequest* request,
                          cohort::v1::ProgramVersion* response) override;

 private:
  Coordinator* const coordinator_;
  const JobServiceOptions options_;
  OpenWatches watches_;
  OpenWatches downloads_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_SERVICE_H_
