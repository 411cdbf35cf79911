// SPDX-License-Identifier: Apache-2.0
// What FakeJobService streams besides events: log lines and the files of checkpoints.
#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/fake_job_service.h"
#include "common/grpc_status.h"
#include "common/sha256.h"

namespace cohort::cli {

void FakeJobService::SetLogs(const std::string& name, const std::vector<cohort::v1::LogLine>& lines) {
  absl::MutexLock lock(&mutex_);
  logs_[name] = lines;
}

void FakeJobService::SetFiles(const std::map<std::string, std::string>& files, size_t chunk_bytes) {
  absl::MutexLock lock(&mutex_);
  files_ = files;
  file_chunk_bytes_ = chunk_bytes;
}

void FakeJobService::ChangeDownloads(std::function<bool(cohort::v1::DownloadCheckpointResponse&)> change) {
  absl::MutexLock lock(&mutex_);
  change_download_ = std::move(change);
}

std::vector<cohort::v1::WatchLogsRequest> FakeJobService::LogWatches() const {
  absl::MutexLock lock(&mutex_);
  return log_watches_;
}

std::vector<cohort::v1::DownloadCheckpointRequest> FakeJobService::Downloads() const {
  absl::MutexLock lock(&mutex_);
  return downloads_;
}

grpc::Status FakeJobService::WatchLogs(grpc::ServerContext*, const cohort::v1::WatchLogsRequest* request,
                                       grpc::ServerWriter<cohort::v1::LogLine>* writer) {
  if (!HasJob(request->name())) return NotFound(request->name());
  absl::MutexLock lock(&mutex_);
  log_watches_.push_back(*request);
  int num_sent = 0;
  for (const cohort::v1::LogLine& line : logs_[request->name()]) {
    if (line.sequence() <= request->resume_token()) continue;
    if (break_after_ > 0 && num_sent == break_after_) return common::ToGrpcStatus(break_status_);
    writer->Write(line);
    ++num_sent;
  }
  return grpc::Status::OK;
}

grpc::Status FakeJobService::DownloadCheckpoint(grpc::ServerContext*,
                                                const cohort::v1::DownloadCheckpointRequest* request,
                                                grpc::ServerWriter<cohort::v1::DownloadCheckpointResponse>* writer) {
  absl::MutexLock lock(&mutex_);
  downloads_.push_back(*request);
  std::map<std::string, size_t> held;
  for (const auto& file : request->held()) held[file.name()] = static_cast<size_t>(file.num_bytes());
  const auto send = [&](cohort::v1::DownloadCheckpointResponse& part) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (change_download_ && !change_download_(part)) return false;
    writer->Write(part);
    return true;
  };
  const grpc::Status broken(grpc::StatusCode::UNAVAILABLE, "gone");
  cohort::v1::DownloadCheckpointResponse first;
  first.mutable_listing()->set_name(request->name());
  for (const auto& [name, content] : files_) {
    cohort::v1::CheckpointFile& file = *first.mutable_listing()->add_files();
    file.set_name(name);
    file.set_size_bytes(static_cast<int64_t>(content.size()));
    file.set_sha256(common::HexOf(common::Sha256Of(content)));
  }
  if (!send(first)) return broken;
  int index = 0;
  for (const auto& [name, content] : files_) {
    size_t offset = held[name] > content.size() ? 0 : held[name];
    for (; offset < content.size(); offset += file_chunk_bytes_) {
      cohort::v1::DownloadCheckpointResponse part;
      part.mutable_chunk()->set_file(index);
      part.mutable_chunk()->set_offset(static_cast<int64_t>(offset));
      part.mutable_chunk()->set_data(content.substr(offset, file_chunk_bytes_));
      if (!send(part)) return broken;
    }
    ++index;
  }
  return grpc::Status::OK;
}

}  // namespace cohort::cli
