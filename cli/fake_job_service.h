// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_FAKE_JOB_SERVICE_H_
#define COHORT_CLI_FAKE_JOB_SERVICE_H_

#include <grpcpp/server.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "cohort/v1/job_service.grpc.pb.h"

namespace cohort::cli {

// JobService over a map, listening on a free loopback port: jobs stay queued and emit the events they were given.
// Thread-safe.
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
  // A stream ends with `status` after each `count` events; 0: never before the last event.
  void BreakStreamsAfter(int count, const absl::Status& status);
  void SetJob(const cohort::v1::Job& job);
  void SetEvents(const std::string& name, const std::vector<cohort::v1::JobEvent>& events);
  std::vector<cohort::v1::CreateJobRequest> Creations() const;

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
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
  mutable absl::Mutex mutex_;
  absl::Status creation_status_ ABSL_GUARDED_BY(mutex_);
  int num_failing_gets_ ABSL_GUARDED_BY(mutex_) = 0;
  int break_after_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status break_status_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, cohort::v1::Job> jobs_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<cohort::v1::JobEvent>> events_ ABSL_GUARDED_BY(mutex_);
  std::vector<cohort::v1::CreateJobRequest> creations_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cohort::cli

#endif  // COHORT_CLI_FAKE_JOB_SERVICE_H_
