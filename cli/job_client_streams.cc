// SPDX-License-Identifier: Apache-2.0
// Calls that are streams.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/job_client.h"
#include "common/grpc_limits.h"
#include "common/grpc_status.h"
#include "common/sha256.h"
#include "common/status_macros.h"

namespace cohort::cli {
namespace {

using cohort::v1::JobEvent;
using cohort::v1::LogLine;
using cohort::v1::UploadDatasetRequest;
using cohort::v1::UploadDatasetResponse;

// A stream is renewed after this long, so that a dead peer is noticed.
constexpr absl::Duration kWatchStreamDeadline = absl::Minutes(10);
// A stream that lasted this long had a server.
constexpr absl::Duration kReachable = absl::Seconds(5);
// Between two streams.
constexpr absl::Duration kPause = absl::Milliseconds(200);
constexpr int kUploadTries = 3;

// What a stream ends with while its server restarts: it drains (OK or CANCELLED), is gone, or fell silent.
bool IsPassing(const absl::Status& status) {
  return status.ok() || absl::IsCancelled(status) || absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

absl::Status Unreadable(const std::string& path) {
  return absl::InvalidArgumentError(absl::StrCat("file cannot be read: ", std::strerror(errno), " (", path, ")"));
}

// SHA-256 in hex and size of a file.
absl::StatusOr<std::pair<std::string, int64_t>> DigestOfFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Unreadable(path);
  common::Sha256 digest;
  int64_t num_bytes = 0;
  std::string chunk(common::kGrpcPartBytes, '\0');
  while (file.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) || file.gcount() > 0) {
    digest.Update(chunk.data(), file.gcount());
    num_bytes += file.gcount();
  }
  if (file.bad()) return Unreadable(path);
  return std::pair(common::HexOf(digest.Finish()), num_bytes);
}

}  // namespace

absl::Status JobClient::WatchOnce(const std::string& name, int64_t& resume_token, bool& goes_on,
                                  const std::function<bool(const JobEvent&)>& on_event) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kWatchStreamDeadline));
  const common::CallGroup::Member member(&calls_, &context);
  cohort::v1::WatchJobRequest request;
  request.set_name(name);
  request.set_resume_token(resume_token);
  auto stream = stub_->WatchJob(&context, request);
  JobEvent event;
  while (goes_on && stream->Read(&event)) {
    resume_token = std::max(resume_token, event.sequence());
    goes_on = on_event(event);
  }
  if (!goes_on) context.TryCancel();
  return common::FromGrpcStatus(stream->Finish());
}

absl::Status JobClient::Follow(const std::string& name, absl::Duration patience, const int64_t& token,
                               const bool& goes_on, const std::function<absl::Status()>& once) {
  absl::Time last_reachable = absl::Now();
  while (true) {
    const int64_t token_before = token;
    const absl::Time opened = absl::Now();
    absl::Status status = once();
    if (token != token_before || absl::Now() - opened >= kReachable) last_reachable = absl::Now();
    if (calls_.IsCancelled()) return absl::CancelledError("the call was cancelled");
    if (!goes_on) return absl::OkStatus();
    if (status.ok()) {
      // A coordinator that drains ends its streams, too.
      const absl::StatusOr<cohort::v1::Job> job = Get(name);
      if (job.ok() && HasEnded(job->state())) return absl::OkStatus();
      if (!job.ok()) status = job.status();
    }
    if (!IsPassing(status)) return status;
    if (absl::Now() - last_reachable > patience) {
      return status.ok() ? absl::UnavailableError("the stream keeps ending") : status;
    }
    absl::SleepFor(kPause);
  }
}

absl::Status JobClient::Watch(const std::string& name, int64_t resume_token, absl::Duration patience,
                              const std::function<bool(const JobEvent&)>& on_event) {
  bool goes_on = true;
  return Follow(name, patience, resume_token, goes_on,
                [&] { return WatchOnce(name, resume_token, goes_on, on_event); });
}

absl::Status JobClient::WatchLogs(cohort::v1::WatchLogsRequest request, absl::Duration patience,
                                  const std::function<bool(const LogLine&)>& on_line) {
  bool goes_on = true;
  int64_t token = request.resume_token();
  const auto once = [&] {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + (request.follow() ? kWatchStreamDeadline : timeout_)));
    const common::CallGroup::Member member(&calls_, &context);
    const auto stream = stub_->WatchLogs(&context, request);
    LogLine line;
    while (goes_on && stream->Read(&line)) {
      goes_on = on_line(line);
      token = line.sequence();
      // What the next stream is to begin with: the lines from here on, and no others.
      request.set_resume_token(token);
      request.clear_tail();
      request.clear_since();
    }
    if (!goes_on) context.TryCancel();
    return common::FromGrpcStatus(stream->Finish());
  };
  if (request.follow()) return Follow(request.name(), patience, token, goes_on, once);
  const absl::Status status = once();
  return goes_on ? status : absl::OkStatus();
}

absl::Status JobClient::Download(
    const std::function<absl::StatusOr<cohort::v1::DownloadCheckpointRequest>()>& next_request, absl::Duration patience,
    const std::function<absl::Status(const cohort::v1::DownloadCheckpointResponse&)>& on_part) {
  absl::Time last_reachable = absl::Now();
  while (true) {
    COHORT_ASSIGN_OR_RETURN(const cohort::v1::DownloadCheckpointRequest request, next_request());
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + kWatchStreamDeadline));
    const common::CallGroup::Member member(&calls_, &context);
    const auto stream = stub_->DownloadCheckpoint(&context, request);
    cohort::v1::DownloadCheckpointResponse part;
    absl::Status taken;
    while (taken.ok() && stream->Read(&part)) {
      taken = on_part(part);
      if (part.has_chunk()) last_reachable = absl::Now();
    }
    if (!taken.ok()) context.TryCancel();
    const absl::Status status = common::FromGrpcStatus(stream->Finish());
    if (calls_.IsCancelled()) return absl::CancelledError("the call was cancelled");
    if (!taken.ok() || status.ok()) return taken;
    if (!IsPassing(status) || absl::Now() - last_reachable > patience) return status;
    absl::SleepFor(kPause);
  }
}

absl::StatusOr<std::vector<JobEvent>> JobClient::RecentEvents(const std::string& name, int32_t count) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout_));
  const common::CallGroup::Member member(&calls_, &context);
  cohort::v1::WatchJobRequest request;
  request.set_name(name);
  request.set_newest(count);
  request.set_past_only(true);
  auto stream = stub_->WatchJob(&context, request);
  std::vector<JobEvent> events;
  JobEvent event;
  while (stream->Read(&event)) events.push_back(event);
  COHORT_RETURN_IF_ERROR(common::FromGrpcStatus(stream->Finish()));
  return events;
}

absl::StatusOr<UploadDatasetResponse> JobClient::UploadOnce(const std::string& parent, const std::string& path,
                                                            const std::string& sha256, int64_t num_bytes) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Unreadable(path);
  grpc::ClientContext context;
  context.set_deadline(
      absl::ToChronoTime(absl::Now() + 10 * timeout_ + absl::Seconds(1) * (num_bytes / common::kGrpcPartBytes)));
  const common::CallGroup::Member member(&calls_, &context);
  UploadDatasetResponse response;
  auto stream = stub_->UploadDataset(&context, &response);
  UploadDatasetRequest request;
  request.set_parent(parent);
  request.set_sha256(sha256);
  std::string chunk(common::kGrpcPartBytes, '\0');
  bool goes_on = true;
  // The first message goes out also for an empty file.
  for (int64_t sent = 0; goes_on && (sent == 0 || file); ++sent) {
    file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    if (sent > 0 && file.gcount() == 0) break;
    request.set_chunk(chunk.data(), file.gcount());
    goes_on = stream->Write(request);  // false: the server has its answer already
    request.Clear();
  }
  stream->WritesDone();
  COHORT_RETURN_IF_ERROR(common::FromGrpcStatus(stream->Finish()));
  return response;
}

absl::StatusOr<UploadDatasetResponse> JobClient::Upload(const std::string& parent, const std::string& path) {
  COHORT_ASSIGN_OR_RETURN(const auto digest, DigestOfFile(path));
  const auto& [sha256, num_bytes] = digest;
  absl::StatusOr<UploadDatasetResponse> response = absl::UnavailableError("no answer to an upload");
  for (int i = 0; i < kUploadTries && !calls_.IsCancelled(); ++i) {
    if (i > 0) absl::SleepFor(i * kPause);
    response = UploadOnce(parent, path, sha256, num_bytes);
    if (!response.ok() && !absl::IsUnavailable(response.status())) return response;
    // An answer that got lost is OK and empty (common/grpc_channel.h).
    if (response.ok() && response->sha256() == sha256) return response;
  }
  if (!response.ok()) return response;
  return absl::UnavailableError(absl::StrCat("the server confirms another file (", response->sha256(), ")"));
}

}  // namespace cohort::cli
