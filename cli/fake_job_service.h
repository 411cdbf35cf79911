// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_FAKE_JOB_SERVICE_H_
#define COHORT_CLI_FAKE_JOB_SERVICE_H_

#include <grpcpp/server.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "cohort/v1/job_service.grpc.pb.h"

namespace cohort::cli {

// JobService over maps, listening on a free loopback port: jobs stay as they are until a call changes them, and emit
// the events that they were given. Every list has one element per page. Thread-safe.
class FakeJobService final : public cohort::v1::JobService::Service {
 public:
  FakeJobService();
  ~FakeJobService() override;

  std::string Address() const { return address_; }
  // Nobody listens at the address any more.
  void Stop() { server_->Shutdown(); }
  // The next CreateJob calls answer so.
  void RefuseCreation(const absl::Status& status);
  // The next `count` calls of GetJob answer UNAVAILABLE.
  void FailGets(int count);
  // The next `count` uploads are stored and answered OK without a digest, as gRPC 1.51 does after a second attempt.
  void LoseUploadAnswers(int count);
  // A stream ends with `status` after each `count` events; 0: never before the last event.
  void BreakStreamsAfter(int count, const absl::Status& status);
  // Streams stay open after the last event until the client leaves, or CloseStreams is called.
  void KeepStreamsOpen();
  void CloseStreams();
  void SetJob(const cohort::v1::Job& job);
  // What GetJob answers, one after the other; the last one stays.
  void SetStates(const std::string& name, const std::vector<cohort::v1::JobState>& states);
  void SetEvents(const std::string& name, const std::vector<cohort::v1::JobEvent>& events);
  // Of every job.
  void SetCheckpoints(const std::vector<cohort::v1::Checkpoint>& checkpoints);
  void SetSteps(const std::vector<cohort::v1::StepRecord>& steps);
  void SetRollouts(const std::vector<cohort::v1::StoredRollouts>& rollouts);
  void SetLogs(const std::string& name, const std::vector<cohort::v1::LogLine>& lines);
  // What every checkpoint holds, by file, in pieces of `chunk_bytes`; listed with the digest of these contents.
  void SetFiles(const std::map<std::string, std::string>& files, size_t chunk_bytes);
  // Before it is sent, each message of a download is given to `change`; false ends the stream with UNAVAILABLE instead.
  void ChangeDownloads(std::function<bool(cohort::v1::DownloadCheckpointResponse&)> change);
  void SetProcesses(const std::vector<cohort::v1::Process>& processes);

  std::vector<cohort::v1::CreateJobRequest> Creations() const;
  int NumResumes() const;
  // The last one of each kind.
  cohort::v1::ListJobsRequest LastList() const;
  cohort::v1::ListRolloutsRequest LastListRollouts() const;
  cohort::v1::DeleteJobRequest LastDelete() const;
  // All of each kind.
  std::vector<cohort::v1::WatchLogsRequest> LogWatches() const;
  std::vector<cohort::v1::DownloadCheckpointRequest> Downloads() const;
  // By digest, as sent.
  std::map<std::string, std::string> Uploads() const;
  // Bytes of every chunk that came.
  std::vector<size_t> ChunkBytes() const;

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
  grpc::Status UploadDataset(grpc::ServerContext* context, grpc::ServerReader<cohort::v1::UploadDatasetRequest>* reader,
                             cohort::v1::UploadDatasetResponse* response) override;

 private:
  // Moves the job to a state, unless `etag` is another one's.
  grpc::Status Change(const std::string& name, const std::string& etag, cohort::v1::JobState state,
                      cohort::v1::Job* response);
  bool HasJob(const std::string& name) const;
  // What the service says of a job or checkpoint that is not there.
  static grpc::Status NotFound(const std::string& name);

  std::string address_;
  std::unique_ptr<grpc::Server> server_;
  mutable absl::Mutex mutex_;
  absl::Status creation_status_ ABSL_GUARDED_BY(mutex_);
  int num_failing_gets_ ABSL_GUARDED_BY(mutex_) = 0;
  int num_resumes_ ABSL_GUARDED_BY(mutex_) = 0;
  int num_lost_answers_ ABSL_GUARDED_BY(mutex_) = 0;
  int break_after_ ABSL_GUARDED_BY(mutex_) = 0;
  bool keeps_streams_open_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status break_status_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, cohort::v1::Job> jobs_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<cohort::v1::JobState>> states_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<cohort::v1::JobEvent>> events_ ABSL_GUARDED_BY(mutex_);
  std::vector<cohort::v1::Checkpoint> checkpoints_ ABSL_GUARDED_BY(mutex_);
  std::vector<cohort::v1::StepRecord> steps_ ABSL_GUARDED_BY(mutex_);
  std::vector<cohort::v1::StoredRollouts> rollouts_ ABSL_GUARDED_BY(mutex_);
  std::vector<cohort::v1::Process> processes_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<cohort::v1::LogLine>> logs_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> files_ ABSL_GUARDED_BY(mutex_);
  size_t file_chunk_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::function<bool(cohort::v1::DownloadCheckpointResponse&)> change_download_ ABSL_GUARDED_BY(mutex_);
  std::vector<cohort::v1::WatchLogsRequest> log_watches_ ABSL_GUARDED_BY(mutex_);
  std::vector<cohort::v1::DownloadCheckpointRequest> downloads_ ABSL_GUARDED_BY(mutex_);
  std::vector<cohort::v1::CreateJobRequest> creations_ ABSL_GUARDED_BY(mutex_);
  cohort::v1::ListJobsRequest last_list_ ABSL_GUARDED_BY(mutex_);
  cohort::v1::ListRolloutsRequest last_list_rollouts_ ABSL_GUARDED_BY(mutex_);
  cohort::v1::DeleteJobRequest last_delete_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> uploads_ ABSL_GUARDED_BY(mutex_);
  std::vector<size_t> chunk_bytes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cohort::cli

#endif  // COHORT_CLI_FAKE_JOB_SERVICE_H_
