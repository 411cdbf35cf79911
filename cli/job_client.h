// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_JOB_CLIENT_H_
#define COHORT_CLI_JOB_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cohort/v1/job_service.grpc.pb.h"

namespace grpc {
class ClientContext;
}

namespace cohort::cli {

// JobService as a client sees it: every call has a deadline, UNAVAILABLE is tried again a few times with the same
// request (common/grpc_channel.h; every call is idempotent, creation by its request_id), statuses come back as
// absl::Status with their field path. Thread-safe.
class JobClient final {
 public:
  // `server` is host:port. `timeout` bounds each call, tries included; CreateJob, which reads data and runs verifiers,
  // gets ten times as long.
  JobClient(std::string_view server, absl::Duration timeout);
  JobClient(const JobClient&) = delete;
  JobClient& operator=(const JobClient&) = delete;

  absl::StatusOr<cohort::v1::Job> Create(const cohort::v1::CreateJobRequest& request);
  absl::StatusOr<cohort::v1::Job> Get(const std::string& name);
  absl::StatusOr<cohort::v1::ListJobsResponse> List(const cohort::v1::ListJobsRequest& request);
  absl::StatusOr<cohort::v1::Job> Cancel(const std::string& name);

  // Calls `on_event` with every event after `resume_token` until the job has ended (OK), CancelCalls is called
  // (CANCELLED), or the server cannot be reached for `patience` (UNAVAILABLE). A broken stream goes on where it
  // stopped.
  absl::Status Watch(const std::string& name, int64_t resume_token, absl::Duration patience,
                     const std::function<void(const cohort::v1::JobEvent&)>& on_event);
  // Ends every call, now and later, with CANCELLED.
  void CancelCalls();

 private:
  // Makes one call's context known to CancelCalls for as long as it lives.
  class CallScope;

  // One stream; moves `resume_token` forward.
  absl::Status WatchOnce(const std::string& name, int64_t& resume_token,
                         const std::function<void(const cohort::v1::JobEvent&)>& on_event);
  bool IsCancelled() const;

  const absl::Duration timeout_;
  const std::unique_ptr<cohort::v1::JobService::Stub> stub_;
  mutable absl::Mutex mutex_;
  bool is_cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  // Of the calls in progress.
  std::set<grpc::ClientContext*> contexts_ ABSL_GUARDED_BY(mutex_);
};

// "namespaces/{namespace}/jobs/{id}" from an id; a full name stays as it is.
std::string JobName(std::string_view namespace_id, std::string_view id_or_name);
// The last part of a resource name.
std::string JobId(std::string_view name);
// True for SUCCEEDED, FAILED and CANCELLED.
bool HasEnded(cohort::v1::JobState state);

}  // namespace cohort::cli

#endif  // COHORT_CLI_JOB_CLIENT_H_
