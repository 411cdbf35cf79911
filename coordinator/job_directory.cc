// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_directory.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/files.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "coordinator/deterministic_bytes.h"
#include "coordinator/job_data.h"
#include "coordinator/job_validation.h"
#include "coordinator/page_token.h"
#include "coordinator/resource_name.h"
#include "coordinator/run_folder.h"
#include "coordinator/storage_trouble.h"

namespace cohort::coordinator {
namespace {

constexpr int kDefaultPageSize = 50;
constexpr int kMaxPageSize = 1000;
constexpr size_t kMaxRequestIdBytes = 64;
// A page is one message of at most 4 MiB, whatever its number of jobs.
constexpr int64_t kMaxPageBytes = 3 << 20;
constexpr int kJobsPerRead = 32;

std::string RequestDigest(cohort::v1::CreateJobRequest request) {
  request.clear_request_id();
  request.clear_validate_only();
  return common::Sha256Of(DeterministicBytes(request));
}

absl::StatusOr<cohort::v1::Job> FirstAnswer(const JobRecord& stored, const std::string& digest) {
  if (stored.request_digest == digest) return stored.job;
  return common::InvalidField("request_id", stored.request_id, "was used for another request");
}

// Checkpoints of a run that this store knows nothing about must not be taken up or overwritten.
absl::Status CheckRunFolderIsFree(const std::string& checkpoint_directory) {
  std::error_code error;
  const bool is_free =
      !std::filesystem::exists(checkpoint_directory, error) || std::filesystem::is_empty(checkpoint_directory, error);
  if (is_free && !error) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("checkpoint_root: the run folder holds checkpoints of another run (", checkpoint_directory, ")"));
}

}  // namespace

JobDirectory::JobDirectory(const CoordinatorContext* context, PreflightCheck preflight)
    : context_(context), preflight_(std::move(preflight)) {}

absl::StatusOr<std::unique_ptr<JobDirectory>> JobDirectory::Open(const CoordinatorContext* context,
                                                                 PreflightCheck preflight) {
  std::unique_ptr<JobDirectory> directory(new JobDirectory(context, std::move(preflight)));
  absl::MutexLock lock(&directory->mutex_);
  for (const auto state :
       {cohort::v1::JOB_STATE_QUEUED, cohort::v1::JOB_STATE_RUNNING, cohort::v1::JOB_STATE_CANCELLING}) {
    const JobFilter all{.name_prefix = "", .state = state, .limit = std::numeric_limits<int>::max()};
    COHORT_ASSIGN_OR_RETURN(auto records, context->store->ListJobs(all));
    for (JobRecord& record : records) {
      const std::string name = record.job.name();
      if (directory->runtimes_.count(name) > 0) continue;
      COHORT_ASSIGN_OR_RETURN(const auto events,
                              context->store->ListEvents(name, /*after=*/0, std::numeric_limits<int>::max()));
      directory->runtimes_[name] = JobRuntime::Load(context, std::move(record), events);
    }
  }
  return directory;
}

absl::StatusOr<cohort::v1::Job> JobDirectory::Create(const cohort::v1::CreateJobRequest& request) {
  COHORT_ASSIGN_OR_RETURN(const std::string name_space, ParseParent(request.parent()));
  COHORT_RETURN_IF_ERROR(CheckId("job_id", request.job_id()));
  if (request.request_id().size() > kMaxRequestIdBytes) {
    return common::InvalidField("request_id", request.request_id(), "must be at most 64 characters");
  }
  const auto same_request = context_->store->FindJobByRequestId(request.request_id());
  if (same_request.ok()) return FirstAnswer(*same_request, RequestDigest(request));
  if (!absl::IsNotFound(same_request.status())) return StorageTrouble("look the request up", same_request.status());
  const std::string name = JobName(name_space, request.job_id());
  const auto existing = context_->store->GetJob(name);
  if (existing.ok()) return absl::AlreadyExistsError(absl::StrCat("job_id: a job has this name (", name, ")"));
  if (!absl::IsNotFound(existing.status())) return StorageTrouble("look the job up", existing.status());
  COHORT_ASSIGN_OR_RETURN(JobRecord record, Check(name_space, request));
  COHORT_RETURN_IF_ERROR(CheckRunFolderIsFree(RunFolder(context_->checkpoint_root, name).CheckpointDirectory()));
  if (request.validate_only()) return record.job;
  return Store(std::move(record));
}

absl::StatusOr<cohort::v1::Job> JobDirectory::Get(std::string_view name) const {
  COHORT_RETURN_IF_ERROR(CheckJobName(name));
  COHORT_ASSIGN_OR_RETURN(const JobRecord record, context_->store->GetJob(name));
  return record.job;
}

absl::StatusOr<cohort::v1::ListJobsResponse> JobDirectory::List(const cohort::v1::ListJobsRequest& request) const {
  COHORT_ASSIGN_OR_RETURN(const std::string name_space, ParseParent(request.parent()));
  if (request.page_size() < 0) {
    return common::InvalidField("page_size", absl::StrCat(request.page_size()), "must not be negative");
  }
  const int page_size = request.page_size() == 0 ? kDefaultPageSize : std::min(request.page_size(), kMaxPageSize);
  const std::string query = absl::StrCat(name_space, " ", request.state());
  JobFilter filter{.name_prefix = JobName(name_space, ""), .state = request.state(), .limit = kJobsPerRead};
  if (!request.page_token().empty()) {
    COHORT_ASSIGN_OR_RETURN(filter.below_sequence, DecodePageToken(query, request.page_token()));
  }
  cohort::v1::ListJobsResponse response;
  int64_t num_bytes = 0;
  while (true) {
    COHORT_ASSIGN_OR_RETURN(const auto records, context_->store->ListJobs(filter));
    for (const JobRecord& record : records) {
      num_bytes += static_cast<int64_t>(record.job.ByteSizeLong());
      // One job more than the page tells that there is a next one.
      const bool is_full = response.jobs_size() > 0 && num_bytes > kMaxPageBytes;
      if (is_full || response.jobs_size() == page_size) {
        response.set_next_page_token(EncodePageToken(query, filter.below_sequence));
        return response;
      }
      *response.add_jobs() = record.job;
      filter.below_sequence = record.sequence;
    }
    if (static_cast<int>(records.size()) < kJobsPerRead) return response;
  }
}

absl::StatusOr<cohort::v1::Job> JobDirectory::Cancel(std::string_view name) {
  COHORT_RETURN_IF_ERROR(CheckJobName(name));
  const auto runtime = Find(name);
  if (runtime.ok()) COHORT_RETURN_IF_ERROR((*runtime)->Cancel());
  return Get(name);
}

absl::StatusOr<std::shared_ptr<JobRuntime>> JobDirectory::Find(std::string_view name) const {
  absl::MutexLock lock(&mutex_);
  const auto it = runtimes_.find(name);
  if (it == runtimes_.end()) {
    return absl::NotFoundError(absl::StrCat("no unfinished job of this name (", std::string(name), ")"));
  }
  return it->second;
}

std::vector<std::shared_ptr<JobRuntime>> JobDirectory::Runtimes() const {
  std::map<int64_t, std::shared_ptr<JobRuntime>> by_sequence;
  absl::MutexLock lock(&mutex_);
  for (const auto& [name, runtime] : runtimes_) by_sequence[runtime->sequence()] = runtime;
  std::vector<std::shared_ptr<JobRuntime>> oldest_first;
  for (auto& [sequence, runtime] : by_sequence) oldest_first.push_back(std::move(runtime));
  return oldest_first;
}

void JobDirectory::Reap() {
  for (const auto& runtime : Runtimes()) {
    if (!runtime->IsOver()) continue;
    absl::MutexLock lock(&mutex_);
    runtimes_.erase(runtime->Snapshot().job.name());
  }
}

absl::StatusOr<JobRecord> JobDirectory::Check(const std::string& name_space,
                                              const cohort::v1::CreateJobRequest& request) const {
  JobRecord record;
  record.request_id = request.request_id();
  record.request_digest = RequestDigest(request);
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::JobSpec resolved, ResolveJobSpec(request.job().spec()));
  COHORT_ASSIGN_OR_RETURN(record.model_path, ModelPath(name_space, resolved.model()));
  COHORT_ASSIGN_OR_RETURN(*record.job.mutable_spec(), preflight_(resolved, record.model_path));
  COHORT_ASSIGN_OR_RETURN(const JobData data, OpenJobData(record.job.spec(), context_->data_root, record.model_path));
  record.data_digest = data.Digest();
  record.job.set_name(JobName(name_space, request.job_id()));
  record.job.set_state(cohort::v1::JOB_STATE_QUEUED);
  record.job.set_state_reason("waits for learner ranks");
  record.job.set_spec_digest(common::HexOf(common::Sha256Of(DeterministicBytes(record.job.spec()))));
  const int64_t now = absl::ToUnixNanos(context_->clock->Now());
  *record.job.mutable_create_time() = google::protobuf::util::TimeUtil::NanosecondsToTimestamp(now);
  *record.job.mutable_update_time() = record.job.create_time();
  return record;
}

absl::StatusOr<std::string> JobDirectory::ModelPath(const std::string& name_space,
                                                    const cohort::v1::ModelSpec& model) const {
  if (!model.has_from_job()) {
    const auto path = common::ResolvePath(context_->model_root, model.path());
    if (!path.ok()) return common::InvalidField("model.path", model.path(), std::string(path.status().message()));
    return path;
  }
  const auto source = context_->store->GetJob(JobName(name_space, model.from_job()));
  if (absl::IsNotFound(source.status())) {
    return common::InvalidField("model.from_job", model.from_job(), "there is no such job in this namespace");
  }
  COHORT_RETURN_IF_ERROR(source.status());
  if (source->job.state() != cohort::v1::JOB_STATE_SUCCEEDED) {
    return absl::FailedPreconditionError(absl::StrCat("model.from_job: the job has not succeeded (", model.from_job(),
                                                      " is ", cohort::v1::JobState_Name(source->job.state()), ")"));
  }
  return source->job.checkpoint_path();
}

absl::StatusOr<cohort::v1::Job> JobDirectory::Store(JobRecord record) {
  cohort::v1::JobEvent created;
  created.set_sequence(1);
  *created.mutable_time() = record.job.create_time();
  *created.mutable_state_changed() = record.job;
  const std::string name = record.job.name();
  std::shared_ptr<JobRuntime> runtime;
  {
    absl::MutexLock lock(&mutex_);
    // Again, because two calls with one name or request_id may have come this far together.
    const auto same_request = context_->store->FindJobByRequestId(record.request_id);
    if (same_request.ok()) return FirstAnswer(*same_request, record.request_digest);
    if (context_->store->GetJob(name).ok()) {
      return absl::AlreadyExistsError(absl::StrCat("job_id: a job has this name (", name, ")"));
    }
    // A job is not stored before its folder is there.
    RunFolder folder(context_->checkpoint_root, name);
    const absl::Status prepared = folder.Restore({});
    if (!prepared.ok()) {
      folder.Discard();
      return StorageTrouble("make the run folder below checkpoint_root", prepared);
    }
    auto stored = context_->store->CreateJob(std::move(record), created);
    if (!stored.ok()) {
      folder.Discard();
      return StorageTrouble("store the job", stored.status());
    }
    runtime = JobRuntime::Load(context_, *std::move(stored), {created});
    runtimes_[name] = runtime;
  }
  context_->plans_signal->Notify();
  context_->events_signal->Notify();
  return runtime->Snapshot().job;
}

}  // namespace cohort::coordinator
