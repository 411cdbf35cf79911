// SPDX-License-Identifier: Apache-2.0
#include "coordinator/initial_policy.h"

#include <cstdint>
#include <filesystem>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/field_error.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "coordinator/resource_name.h"
#include "coordinator/storage_trouble.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kMaxShownVersions = 8;

bool IsFolder(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

// A sealed checkpoint whose folder is still there.
absl::StatusOr<std::string> SealedCheckpoint(JobStore* store, const std::string& job, int64_t version) {
  const auto versions = store->ListVersions(job);
  if (!versions.ok()) return ReadTrouble("list the versions of model.from_job", versions.status());
  std::vector<int64_t> newest;
  for (auto it = versions->rbegin(); it != versions->rend(); ++it) {
    if (it->checkpoint_path.empty() || !IsFolder(it->checkpoint_path)) continue;
    if (it->version == version) return it->checkpoint_path;
    if (newest.size() < kMaxShownVersions) newest.push_back(it->version);
  }
  const std::string there_are =
      newest.empty() ? "it has none" : absl::StrCat("the newest are ", absl::StrJoin(newest, ", "));
  return common::InvalidField("model.from_job_version", absl::StrCat(version),
                              absl::StrCat("the job has no checkpoint of this version; ", there_are));
}

absl::StatusOr<std::string> FinalCheckpoint(const cohort::v1::Job& source, const std::string& id) {
  if (source.checkpoint_path().empty() && source.state() == cohort::v1::JOB_STATE_SUCCEEDED) {
    return common::InvalidField("model.from_job", id, "the job trained nothing: it has no checkpoint");
  }
  if (source.state() == cohort::v1::JOB_STATE_SUCCEEDED) return source.checkpoint_path();
  return absl::FailedPreconditionError(absl::StrCat("model.from_job: the job has not succeeded (", id, " is ",
                                                    cohort::v1::JobState_Name(source.state()),
                                                    "); from_job_version takes a checkpoint of it"));
}

}  // namespace

absl::StatusOr<std::string> InitialPolicyFolder(JobStore* store, std::string_view model_root,
                                                std::string_view name_space, const cohort::v1::ModelSpec& model) {
  const int64_t version = model.from_job_version();
  if (version < 0) {
    return common::InvalidField("model.from_job_version", absl::StrCat(version), "must not be negative");
  }
  if (!model.has_from_job()) {
    if (version > 0) {
      return common::InvalidField("model.from_job_version", absl::StrCat(version), "is only for model.from_job");
    }
    auto path = common::ResolvePath(model_root, model.path());
    if (!path.ok()) return common::InvalidField("model.path", model.path(), std::string(path.status().message()));
    return path;
  }
  COHORT_RETURN_IF_ERROR(CheckId("model.from_job", model.from_job()));
  const std::string job = JobName(name_space, model.from_job());
  const auto source = store->GetJob(job);
  if (absl::IsNotFound(source.status())) {
    return common::InvalidField("model.from_job", model.from_job(), "there is no such job in this namespace");
  }
  if (!source.ok()) return StorageTrouble("look model.from_job up", source.status());
  if (version > 0) return SealedCheckpoint(store, job, version);
  return FinalCheckpoint(source->job, model.from_job());
}

}  // namespace cohort::coordinator
