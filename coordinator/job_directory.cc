// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_directory.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "coordinator/deterministic_bytes.h"
#include "coordinator/initial_policy.h"
#include "coordinator/job_data.h"
#include "coordinator/job_demand.h"
#include "coordinator/job_uploads.h"
#include "coordinator/job_validation.h"
#include "coordinator/job_view.h"
#include "coordinator/rescore_data.h"
#include "coordinator/resource_name.h"
#include "coordinator/run_folder.h"
#include "coordinator/storage_trouble.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kMaxRequestIdBytes = 64;

std::string RequestDigest(cohort::v1::CreateJobRequest request) {
  request.clear_request_id();
  request.clear_validate_only();
  return common::Sha256Of(DeterministicBytes(request));
}

absl::StatusOr<cohort::v1::Job> FirstAnswer(const JobRecord& stored, const std::string& digest) {
  if (stored.request_digest == digest) return StoredView(stored.job);
  return common::InvalidField("request_id", stored.request_id, "was used for another request");
}

// Checkpoints of a run that this store knows nothing about must not be taken up or overwritten.
absl::Status CheckRunFolderIsFree(const common::FileSystem& files, const std::string& checkpoint_directory) {
  const auto names = files.List(checkpoint_directory);
  // What else keeps the folder from being made is said when it is.
  if (!names.ok() || names->empty()) return absl::OkStatus();
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
  for (int number = 1; cohort::v1::JobState_IsValid(number); ++number) {
    const auto state = static_cast<cohort::v1::JobState>(number);
    if (HasEnded(state)) continue;
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
  COHORT_RETURN_IF_ERROR(CheckRunFolderIsFree(
      *context_->files, RunFolder(context_->files, context_->checkpoint_root, name).CheckpointDirectory()));
  if (request.validate_only()) {
    absl::MutexLock lock(&admission_mutex_);
    COHORT_RETURN_IF_ERROR(CheckNamespace(name_space, record.job.spec()));
    return record.job;
  }
  return Store(std::move(record));
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
    const auto it = runtimes_.find(runtime->name());
    // Meanwhile it may have been deleted and another job of its name created.
    if (it != runtimes_.end() && it->second == runtime) runtimes_.erase(it);
  }
}

absl::StatusOr<JobRecord> JobDirectory::Check(const std::string& name_space,
                                              const cohort::v1::CreateJobRequest& request) const {
  JobRecord record;
  record.request_id = request.request_id();
  record.request_digest = RequestDigest(request);
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::JobSpec resolved, ResolveJobSpec(request.job().spec()));
  record.job.set_name(JobName(name_space, request.job_id()));
  COHORT_RETURN_IF_ERROR(resolved.has_rescore() ? CheckRescore(name_space, resolved, &record)
                                                : CheckFiles(name_space, resolved, &record));
  record.job.set_state(cohort::v1::JOB_STATE_QUEUED);
  record.job.set_state_reason(WhyQueued(resolved));
  record.job.set_spec_digest(common::HexOf(common::Sha256Of(DeterministicBytes(record.job.spec()))));
  const int64_t now = absl::ToUnixNanos(context_->clock->Now());
  *record.job.mutable_create_time() = google::protobuf::util::TimeUtil::NanosecondsToTimestamp(now);
  *record.job.mutable_update_time() = record.job.create_time();
  return record;
}

absl::Status JobDirectory::CheckFiles(const std::string& name_space, const cohort::v1::JobSpec& spec,
                                      JobRecord* record) const {
  COHORT_ASSIGN_OR_RETURN(record->model_path,
                          InitialPolicyFolder(context_->store, context_->model_root, name_space, spec.model()));
  const DatasetRoots roots = DatasetRootsOf(*context_, record->job.name());
  COHORT_RETURN_IF_ERROR(CheckUploads(spec, roots));
  COHORT_ASSIGN_OR_RETURN(*record->job.mutable_spec(), preflight_(spec, record->model_path, roots));
  COHORT_ASSIGN_OR_RETURN(const JobData data, OpenJobData(record->job.spec(), roots, record->model_path));
  record->data_digest = data.Digest();
  return absl::OkStatus();
}

absl::Status JobDirectory::CheckRescore(const std::string& name_space, const cohort::v1::JobSpec& spec,
                                        JobRecord* record) const {
  COHORT_ASSIGN_OR_RETURN(const JobData data, OpenRescoreData(*context_, name_space, spec.rescore()));
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::JobSpec problems, ProblemsToJudge(data, spec.rescore()));
  COHORT_RETURN_IF_ERROR(
      preflight_(problems, data.rescore->job().model_path, DatasetRootsOf(*context_, record->job.name())).status());
  *record->job.mutable_spec() = spec;
  // What the other job commits from now on is not judged.
  record->job.mutable_spec()->mutable_rescore()->set_last_step(data.rescore->last_step());
  record->data_digest = data.Digest();
  return absl::OkStatus();
}

absl::StatusOr<cohort::v1::Job> JobDirectory::Store(JobRecord record) {
  cohort::v1::JobEvent created;
  created.set_sequence(1);
  *created.mutable_time() = record.job.create_time();
  *created.mutable_state_changed() = record.job;
  const std::string name = record.job.name();
  std::shared_ptr<JobRuntime> runtime;
  {
    absl::MutexLock admission(&admission_mutex_);
    // Again, because two calls with one name or request_id may have come this far together.
    const auto same_request = context_->store->FindJobByRequestId(record.request_id);
    if (same_request.ok()) return FirstAnswer(*same_request, record.request_digest);
    if (context_->store->GetJob(name).ok()) {
      return absl::AlreadyExistsError(absl::StrCat("job_id: a job has this name (", name, ")"));
    }
    COHORT_RETURN_IF_ERROR(CheckNamespace(NamespaceOf(name), record.job.spec()));
    COHORT_RETURN_IF_ERROR(CheckSourcesAreKept(record.job));
    // A job is not stored before its folder is there.
    RunFolder folder(context_->files, context_->checkpoint_root, name);
    const absl::Status prepared = folder.Restore({});
    if (!prepared.ok()) {
      folder.Discard();
      return StorageTrouble("make the run folder below checkpoint_root", prepared);
    }
    // A job that is stored is found here, too.
    absl::MutexLock lock(&mutex_);
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
  return runtime->View();
}

absl::Status JobDirectory::CheckNamespace(const std::string& name_space, const cohort::v1::JobSpec& spec) const {
  int64_t num_jobs = 0;
  // Counting looks at every job, so that submits without a limit must not pay for it.
  if (context_->limits.max_jobs > 0) {
    for (const auto& runtime : Runtimes()) {
      if (NamespaceOf(runtime->name()) == name_space && !HasEnded(runtime->Demand().state)) ++num_jobs;
    }
  }
  return CheckLimits(context_->limits, name_space, num_jobs, spec);
}

}  // namespace cohort::coordinator
