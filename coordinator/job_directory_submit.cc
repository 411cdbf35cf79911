// SPDX-License-Identifier: Apache-2.0
// How a job comes to be. What takes time (files, the model, the sync of the store) is done without a lock, on behalf of
// a name and a request_id that are reserved meanwhile.
#include <google/protobuf/util/time_util.h>

#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "coordinator/deterministic_bytes.h"
#include "coordinator/initial_policy.h"
#include "coordinator/job_data.h"
#include "coordinator/job_demand.h"
#include "coordinator/job_directory.h"
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
// Who waits for another submit holds a thread of the server, and may have gone away.
constexpr absl::Duration kMaxReservationWait = absl::Seconds(5);

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

absl::StatusOr<cohort::v1::Job> JobDirectory::Create(const cohort::v1::CreateJobRequest& request) {
  COHORT_ASSIGN_OR_RETURN(const std::string name_space, ParseParent(request.parent()));
  COHORT_RETURN_IF_ERROR(CheckId("job_id", request.job_id()));
  if (request.request_id().size() > kMaxRequestIdBytes) {
    return common::InvalidField("request_id", request.request_id(), "must be at most 64 characters");
  }
  if (request.validate_only()) return Submit(name_space, request);
  const std::string name = JobName(name_space, request.job_id());
  COHORT_RETURN_IF_ERROR(Reserve(name, request));
  auto job = Submit(name_space, request);
  absl::MutexLock lock(&admission_mutex_);
  pending_.erase(name);
  return job;
}

absl::Status JobDirectory::Reserve(const std::string& name, const cohort::v1::CreateJobRequest& request) {
  const std::string& request_id = request.request_id();
  const std::string name_space = NamespaceOf(name);
  const auto is_free = [&]() ABSL_SHARED_LOCKS_REQUIRED(admission_mutex_) {
    if (pending_.count(name) > 0) return false;
    for (const auto& [other, pending] : pending_) {
      const bool is_same = !request_id.empty() && pending.request_id == request_id && NamespaceOf(other) == name_space;
      if (is_same) return false;
    }
    return true;
  };
  absl::MutexLock lock(&admission_mutex_);
  if (!admission_mutex_.AwaitWithTimeout(absl::Condition(&is_free), kMaxReservationWait)) {
    return absl::UnavailableError(
        absl::StrCat("a submit of this name or request_id is being checked (", name, "); try again"));
  }
  PendingJob& pending = pending_[name];
  pending.request_id = request_id;
  pending.sources = SourcesOf(name, request.job().spec());
  return absl::OkStatus();
}

absl::StatusOr<cohort::v1::Job> JobDirectory::Submit(const std::string& name_space,
                                                     const cohort::v1::CreateJobRequest& request) {
  const auto same_request = context_->store->FindJobByRequestId(name_space, request.request_id());
  if (same_request.ok()) return FirstAnswer(*same_request, RequestDigest(request));
  if (!absl::IsNotFound(same_request.status())) return StorageTrouble("look the request up", same_request.status());
  const std::string name = JobName(name_space, request.job_id());
  const auto existing = context_->store->GetJob(name);
  if (existing.ok()) return absl::AlreadyExistsError(absl::StrCat("job_id: a job has this name (", name, ")"));
  if (!absl::IsNotFound(existing.status())) return StorageTrouble("look the job up", existing.status());
  {
    // What the job begins with must be that of the same jobs until it is admitted; later deletions are refused.
    absl::MutexLock lock(&admission_mutex_);
    COHORT_RETURN_IF_ERROR(CheckNotBeingDeleted(SourcesOf(name, request.job().spec())));
  }
  COHORT_ASSIGN_OR_RETURN(JobRecord record, Check(name_space, request));
  COHORT_RETURN_IF_ERROR(CheckRunFolderIsFree(
      *context_->files, RunFolder(context_->files, context_->checkpoint_root, name).CheckpointDirectory()));
  if (request.validate_only()) {
    absl::MutexLock lock(&admission_mutex_);
    COHORT_RETURN_IF_ERROR(CheckNamespace(name_space, record.job.spec()));
    return record.job;
  }
  COHORT_RETURN_IF_ERROR(Admit(record.job));
  return Store(std::move(record));
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

absl::Status JobDirectory::Admit(const cohort::v1::Job& job) {
  absl::MutexLock lock(&admission_mutex_);
  // A deletion may remove the folder that is about to be made.
  COHORT_RETURN_IF_ERROR(CheckNotBeingDeleted({job.name()}));
  COHORT_RETURN_IF_ERROR(CheckNamespace(NamespaceOf(job.name()), job.spec()));
  COHORT_RETURN_IF_ERROR(CheckSourcesAreKept(job));
  PendingJob& pending = pending_[job.name()];
  pending.is_admitted = true;
  pending.sources = SourcesOf(job.name(), job.spec());
  return absl::OkStatus();
}

absl::StatusOr<cohort::v1::Job> JobDirectory::Store(JobRecord record) {
  cohort::v1::JobEvent created;
  created.set_sequence(1);
  *created.mutable_time() = record.job.create_time();
  *created.mutable_state_changed() = record.job;
  const std::string name = record.job.name();
  // A job is not stored before its folder is there.
  RunFolder folder(context_->files, context_->checkpoint_root, name);
  const absl::Status made = folder.Make();
  if (!made.ok()) {
    folder.Discard();
    return StorageTrouble("make the run folder below checkpoint_root", made);
  }
  {
    absl::MutexLock lock(&mutex_);
    being_stored_.insert(name);
  }
  auto stored = context_->store->CreateJob(std::move(record), created);
  std::shared_ptr<JobRuntime> runtime;
  if (stored.ok()) runtime = JobRuntime::Begin(context_, *std::move(stored), &changed_);
  {
    absl::MutexLock lock(&mutex_);
    being_stored_.erase(name);
    if (runtime != nullptr) runtimes_[name] = runtime;
  }
  if (runtime == nullptr) {
    folder.Discard();
    return StorageTrouble("store the job", stored.status());
  }
  context_->plans_signal->Notify();
  context_->events_signal->Notify();
  return runtime->View();
}

absl::Status JobDirectory::CheckNamespace(const std::string& name_space, const cohort::v1::JobSpec& spec) const {
  // Counting looks at every job, so that submits without a limit must not pay for it.
  if (context_->limits.max_jobs == 0) return CheckLimits(context_->limits, name_space, /*num_jobs=*/0, spec);
  std::set<std::string> jobs;
  for (const auto& runtime : Runtimes()) {
    if (NamespaceOf(runtime->name()) == name_space && !HasEnded(runtime->state())) jobs.insert(runtime->name());
  }
  // Some of them are among the others by now.
  for (const auto& [name, pending] : pending_) {
    if (pending.is_admitted && NamespaceOf(name) == name_space) jobs.insert(name);
  }
  return CheckLimits(context_->limits, name_space, static_cast<int64_t>(jobs.size()), spec);
}

}  // namespace cohort::coordinator
