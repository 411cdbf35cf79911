// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_JOB_CLIENT_H_
#define COHORT_CLI_JOB_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cohort/v1/job_service.grpc.pb.h"
#include "common/call_group.h"

namespace cohort::cli {

// How long a verb lets a coordinator be away, for a restart say.
inline constexpr absl::Duration kPatience = absl::Minutes(2);

// JobService as a client sees it: every call has a deadline, UNAVAILABLE is tried again a few times with the same
// request (common/grpc_channel.h; every call is idempotent, creation by its request_id), statuses come back as
// absl::Status with their field path. Thread-safe.
class JobClient final {
 public:
  // `server` is host:port. `timeout` bounds each call, tries included; CreateJob, which reads data and runs verifiers,
  // gets ten times as long, and an upload that and a second per MiB.
  JobClient(std::string_view server, absl::Duration timeout);
  // Over a channel to it, for a server that is protected.
  JobClient(const std::shared_ptr<grpc::Channel>& channel, absl::Duration timeout);
  JobClient(const JobClient&) = delete;
  JobClient& operator=(const JobClient&) = delete;

  absl::StatusOr<cohort::v1::Job> Create(const cohort::v1::CreateJobRequest& request);
  absl::StatusOr<cohort::v1::Job> Get(const std::string& name);
  // One page, as with every List below.
  absl::StatusOr<cohort::v1::ListJobsResponse> List(const cohort::v1::ListJobsRequest& request);
  // With an `etag` that is not the job's: ABORTED, unless a lost answer was that of this call, which has made the
  // change then. Empty: whatever the job is now.
  absl::StatusOr<cohort::v1::Job> Pause(const std::string& name, const std::string& etag = "");
  absl::StatusOr<cohort::v1::Job> Resume(const std::string& name, const std::string& etag = "");
  absl::StatusOr<cohort::v1::Job> Cancel(const std::string& name, const std::string& etag = "");
  // A second try after a lost answer is NOT_FOUND: a caller that knows the job to have been there is done then, too.
  absl::Status Delete(const cohort::v1::DeleteJobRequest& request);

  absl::StatusOr<cohort::v1::ListCheckpointsResponse> ListCheckpoints(
      const cohort::v1::ListCheckpointsRequest& request);
  // `name` as in GetCheckpointRequest.
  absl::StatusOr<cohort::v1::Checkpoint> GetCheckpoint(const std::string& name);
  absl::StatusOr<cohort::v1::ListStepsResponse> ListSteps(const cohort::v1::ListStepsRequest& request);
  absl::StatusOr<cohort::v1::ListRolloutsResponse> ListRollouts(const cohort::v1::ListRolloutsRequest& request);
  absl::StatusOr<cohort::v1::ListProcessesResponse> ListProcesses(const cohort::v1::ListProcessesRequest& request);
  // Of the server.
  absl::StatusOr<cohort::v1::ProgramVersion> GetVersion();

  // Sends the file at `path` to the namespace `parent` unless it is there already. INVALID_ARGUMENT with the
  // path when it cannot be read. Calls again while the server is away for a moment or the answer got lost.
  absl::StatusOr<cohort::v1::UploadDatasetResponse> Upload(const std::string& parent, const std::string& path);

  // Calls `on_event` with every event after `resume_token` until the job has ended (OK), `on_event` returns false (OK),
  // CancelCalls is called (CANCELLED), or the server cannot be reached for `patience` (UNAVAILABLE). A broken stream
  // goes on where it stopped.
  absl::Status Watch(const std::string& name, int64_t resume_token, absl::Duration patience,
                     const std::function<bool(const cohort::v1::JobEvent&)>& on_event);
  // The last `count` > 0 events that have happened, oldest first.
  absl::StatusOr<std::vector<cohort::v1::JobEvent>> RecentEvents(const std::string& name, int32_t count);
  // Calls `on_line` with the lines that the request asks for; with `follow` as Watch does, until some seconds after the
  // job has ended. A broken stream goes on behind the last line, also past a restart of the server.
  absl::Status WatchLogs(cohort::v1::WatchLogsRequest request, absl::Duration patience,
                         const std::function<bool(const cohort::v1::LogLine&)>& on_line);
  // Calls `on_part` with what DownloadCheckpoint sends. A broken stream is begun again with what `next_request` says
  // then, until the server cannot be reached for `patience`. Ends with the first error of either.
  absl::Status Download(const std::function<absl::StatusOr<cohort::v1::DownloadCheckpointRequest>()>& next_request,
                        absl::Duration patience,
                        const std::function<absl::Status(const cohort::v1::DownloadCheckpointResponse&)>& on_part);
  // Ends every call, now and later, with CANCELLED.
  void CancelCalls() { calls_.Cancel(); }

 private:
  using Stub = cohort::v1::JobService::Stub;

  // One unary call with its deadline.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request, absl::Duration timeout);
  // One stream; moves `resume_token` forward. False in `goes_on` when `on_event` wants no more.
  absl::Status WatchOnce(const std::string& name, int64_t& resume_token, bool& goes_on,
                         const std::function<bool(const cohort::v1::JobEvent&)>& on_event);
  // Repeats `once`, a stream about a job that moves `token` and ends with false in `goes_on` when nothing more is
  // wanted, until the job has ended.
  absl::Status Follow(const std::string& name, absl::Duration patience, const int64_t& token, const bool& goes_on,
                      const std::function<absl::Status()>& once);
  // One stream. OK with an empty digest when the answer got lost.
  absl::StatusOr<cohort::v1::UploadDatasetResponse> UploadOnce(const std::string& parent, const std::string& path,
                                                               const std::string& sha256, int64_t num_bytes);

  const absl::Duration timeout_;
  const std::unique_ptr<Stub> stub_;
  common::CallGroup calls_;
};

// "namespaces/{namespace}/jobs/{id}" from an id; a full name stays as it is.
std::string JobName(std::string_view namespace_id, std::string_view id_or_name);
// The last part of a resource name.
std::string JobId(std::string_view name);
// The namespace of a resource name.
std::string NamespaceId(std::string_view name);
// True for SUCCEEDED, FAILED and CANCELLED.
bool HasEnded(cohort::v1::JobState state);

}  // namespace cohort::cli

#endif  // COHORT_CLI_JOB_CLIENT_H_
