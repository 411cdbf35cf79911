// SPDX-License-Identifier: Apache-2.0
// What FakeJobService knows besides jobs: checkpoints, steps, rollouts, processes and uploaded files.
#include <grpcpp/grpcpp.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cli/fake_job_service.h"
#include "common/grpc_status.h"

namespace cohort::cli {
namespace {

// The element that a page token names, and the next token.
template <typename Element, typename Response>
const Element* PageOf(const std::vector<Element>& elements, const std::string& token, Response* response) {
  size_t index = 0;
  if (!token.empty() && !absl::SimpleAtoi(token, &index)) return nullptr;
  if (index + 1 < elements.size()) response->set_next_page_token(absl::StrCat(index + 1));
  return index < elements.size() ? &elements[index] : nullptr;
}

}  // namespace

void FakeJobService::LoseUploadAnswers(int count) {
  absl::MutexLock lock(&mutex_);
  num_lost_answers_ = count;
}

void FakeJobService::SetCheckpoints(const std::vector<cohort::v1::Checkpoint>& checkpoints) {
  absl::MutexLock lock(&mutex_);
  checkpoints_ = checkpoints;
}

void FakeJobService::SetSteps(const std::vector<cohort::v1::StepRecord>& steps) {
  absl::MutexLock lock(&mutex_);
  steps_ = steps;
}

void FakeJobService::SetRollouts(const std::vector<cohort::v1::StoredRollouts>& rollouts) {
  absl::MutexLock lock(&mutex_);
  rollouts_ = rollouts;
}

void FakeJobService::SetProcesses(const std::vector<cohort::v1::Process>& processes) {
  absl::MutexLock lock(&mutex_);
  processes_ = processes;
}

cohort::v1::ListRolloutsRequest FakeJobService::LastListRollouts() const {
  absl::MutexLock lock(&mutex_);
  return last_list_rollouts_;
}

std::map<std::string, std::string> FakeJobService::Uploads() const {
  absl::MutexLock lock(&mutex_);
  return uploads_;
}

std::vector<size_t> FakeJobService::ChunkBytes() const {
  absl::MutexLock lock(&mutex_);
  return chunk_bytes_;
}

bool FakeJobService::HasJob(const std::string& name) const {
  absl::MutexLock lock(&mutex_);
  return jobs_.contains(name);
}

grpc::Status FakeJobService::ListCheckpoints(grpc::ServerContext*, const cohort::v1::ListCheckpointsRequest* request,
                                             cohort::v1::ListCheckpointsResponse* response) {
  if (!HasJob(request->parent())) return NotFound(request->parent());
  absl::MutexLock lock(&mutex_);
  const auto* checkpoint = PageOf(checkpoints_, request->page_token(), response);
  if (checkpoint != nullptr) *response->add_checkpoints() = *checkpoint;
  return grpc::Status::OK;
}

grpc::Status FakeJobService::GetCheckpoint(grpc::ServerContext*, const cohort::v1::GetCheckpointRequest* request,
                                           cohort::v1::Checkpoint* response) {
  absl::MutexLock lock(&mutex_);
  const std::string suffix = "/checkpoints/latest";
  const bool is_latest = request->name().size() > suffix.size() &&
                         request->name().compare(request->name().size() - suffix.size(), suffix.size(), suffix) == 0;
  for (const auto& checkpoint : checkpoints_) {
    if (!is_latest && checkpoint.name() != request->name()) continue;
    *response = checkpoint;
    return grpc::Status::OK;
  }
  return NotFound(request->name());
}

grpc::Status FakeJobService::ListSteps(grpc::ServerContext*, const cohort::v1::ListStepsRequest* request,
                                       cohort::v1::ListStepsResponse* response) {
  if (!HasJob(request->parent())) return NotFound(request->parent());
  absl::MutexLock lock(&mutex_);
  const auto* step = PageOf(steps_, request->page_token(), response);
  if (step == nullptr || step->step().policy_version() < request->first_version()) return grpc::Status::OK;
  *response->add_steps() = *step;
  if (!request->with_timings()) response->mutable_steps(0)->mutable_step()->clear_timings();
  return grpc::Status::OK;
}

grpc::Status FakeJobService::ListRollouts(grpc::ServerContext*, const cohort::v1::ListRolloutsRequest* request,
                                          cohort::v1::ListRolloutsResponse* response) {
  if (!HasJob(request->parent())) return NotFound(request->parent());
  absl::MutexLock lock(&mutex_);
  last_list_rollouts_ = *request;
  const auto* rollouts = PageOf(rollouts_, request->page_token(), response);
  if (rollouts == nullptr) return grpc::Status::OK;
  // A group without rollouts stands for one whose payload was released.
  if (rollouts->group().rollouts().empty()) {
    response->set_num_released_groups(1);
  } else {
    *response->add_rollouts() = *rollouts;
    if (request->timings_only()) response->mutable_rollouts(0)->mutable_group()->clear_rollouts();
  }
  return grpc::Status::OK;
}

grpc::Status FakeJobService::ListProcesses(grpc::ServerContext*, const cohort::v1::ListProcessesRequest* request,
                                           cohort::v1::ListProcessesResponse* response) {
  absl::MutexLock lock(&mutex_);
  const auto* process = PageOf(processes_, request->page_token(), response);
  if (process != nullptr) *response->add_processes() = *process;
  return grpc::Status::OK;
}

grpc::Status FakeJobService::GetVersion(grpc::ServerContext*, const cohort::v1::GetVersionRequest*,
                                        cohort::v1::ProgramVersion* response) {
  response->set_program("cohort-coordinator");
  response->set_version("9.8.7");
  return grpc::Status::OK;
}

grpc::Status FakeJobService::UploadDataset(grpc::ServerContext*,
                                           grpc::ServerReader<cohort::v1::UploadDatasetRequest>* reader,
                                           cohort::v1::UploadDatasetResponse* response) {
  std::string sha256;
  std::string content;
  std::vector<size_t> chunk_bytes;
  cohort::v1::UploadDatasetRequest request;
  while (reader->Read(&request)) {
    if (chunk_bytes.empty()) sha256 = request.sha256();
    chunk_bytes.push_back(request.chunk().size());
    content += request.chunk();
  }
  absl::MutexLock lock(&mutex_);
  response->set_existed(!uploads_.emplace(sha256, content).second);
  chunk_bytes_.insert(chunk_bytes_.end(), chunk_bytes.begin(), chunk_bytes.end());
  response->set_num_bytes(static_cast<int64_t>(content.size()));
  if (num_lost_answers_ > 0) {
    --num_lost_answers_;
  } else {
    response->set_sha256(sha256);
  }
  return grpc::Status::OK;
}

}  // namespace cohort::cli
