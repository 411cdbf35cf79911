// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_history.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/page_token.h"
#include "coordinator/resource_name.h"
#include "coordinator/storage_trouble.h"

namespace cohort::coordinator {
namespace {

constexpr int kDefaultPageSize = 50;
constexpr int kMaxPageSize = 1000;
// A page is one message of at most 4 MiB.
constexpr int64_t kMaxPageBytes = 3 << 20;
constexpr int kEventsPerRead = 64;

cohort::v1::Checkpoint AsCheckpoint(const std::string& job, const VersionRecord& record) {
  cohort::v1::Checkpoint checkpoint;
  checkpoint.set_name(absl::StrCat(job, "/checkpoints/", record.version));
  checkpoint.set_policy_version(record.version);
  checkpoint.set_path(record.checkpoint_path);
  checkpoint.set_digest(record.digest);
  std::error_code error;
  checkpoint.set_exists(std::filesystem::is_directory(record.checkpoint_path, error));
  return checkpoint;
}

// Newest first.
absl::StatusOr<std::vector<VersionRecord>> SealedVersions(JobStore* store, const std::string& job) {
  COHORT_RETURN_IF_ERROR(ReadTrouble("find the job", store->GetJob(job).status()));
  auto versions = store->ListVersions(job);
  if (!versions.ok()) return ReadTrouble("list versions", versions.status());
  std::vector<VersionRecord> sealed;
  for (VersionRecord& record : *versions) {
    if (!record.checkpoint_path.empty()) sealed.push_back(std::move(record));
  }
  std::reverse(sealed.begin(), sealed.end());
  return sealed;
}

cohort::v1::StepRecord AsStepRecord(const cohort::v1::JobEvent& event, const cohort::v1::ListStepsRequest& request) {
  cohort::v1::StepRecord record;
  *record.mutable_time() = event.time();
  *record.mutable_step() = event.step();
  if (!request.with_timings()) record.mutable_step()->clear_timings();
  if (request.metrics().empty()) return record;
  record.mutable_step()->clear_metrics();
  for (const std::string& name : request.metrics()) {
    const auto it = event.step().metrics().find(name);
    if (it != event.step().metrics().end()) (*record.mutable_step()->mutable_metrics())[name] = it->second;
  }
  return record;
}

absl::Status CheckFilter(const cohort::v1::ListStepsRequest& request) {
  if (request.first_version() < 0) {
    return common::InvalidField("first_version", absl::StrCat(request.first_version()), "must not be negative");
  }
  for (int i = 0; i < request.metrics_size(); ++i) {
    if (request.metrics(i).empty()) {
      return common::InvalidField(absl::StrCat("metrics[", i, "]"), "", "needs the name of a metric");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<cohort::v1::ListCheckpointsResponse> ListCheckpoints(JobStore* store,
                                                                    const cohort::v1::ListCheckpointsRequest& request) {
  COHORT_RETURN_IF_ERROR(CheckJobName(request.parent(), "parent"));
  COHORT_ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size(), kDefaultPageSize, kMaxPageSize));
  const std::string query = PageQuery(request);
  int64_t after = 0;
  if (!request.page_token().empty()) {
    COHORT_ASSIGN_OR_RETURN(after, DecodePageToken(query, request.page_token()));
  }
  COHORT_ASSIGN_OR_RETURN(const auto sealed, SealedVersions(store, request.parent()));
  cohort::v1::ListCheckpointsResponse response;
  int64_t num_bytes = 0;
  for (const VersionRecord& record : sealed) {
    if (after > 0 && record.version >= after) continue;
    const bool is_full = response.checkpoints_size() == page_size || num_bytes > kMaxPageBytes;
    if (is_full) {
      response.set_next_page_token(
          EncodePageToken(query, response.checkpoints(response.checkpoints_size() - 1).policy_version()));
      return response;
    }
    *response.add_checkpoints() = AsCheckpoint(request.parent(), record);
    num_bytes += static_cast<int64_t>(response.checkpoints().rbegin()->ByteSizeLong());
  }
  return response;
}

absl::StatusOr<cohort::v1::Checkpoint> GetCheckpoint(JobStore* store, const cohort::v1::GetCheckpointRequest& request) {
  COHORT_ASSIGN_OR_RETURN(const CheckpointName name, ParseCheckpointName(request.name()));
  COHORT_ASSIGN_OR_RETURN(const auto sealed, SealedVersions(store, name.job));
  for (const VersionRecord& record : sealed) {
    if (name.version == CheckpointName::kLatest || record.version == name.version) {
      return AsCheckpoint(name.job, record);
    }
  }
  return absl::NotFoundError(absl::StrCat("checkpoint not found (", request.name(), ")"));
}

absl::StatusOr<cohort::v1::ListStepsResponse> ListSteps(JobStore* store, const cohort::v1::ListStepsRequest& request) {
  COHORT_RETURN_IF_ERROR(CheckJobName(request.parent(), "parent"));
  COHORT_ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size(), kDefaultPageSize, kMaxPageSize));
  COHORT_RETURN_IF_ERROR(CheckFilter(request));
  const std::string query = PageQuery(request);
  int64_t after = request.first_version() - 1;
  if (!request.page_token().empty()) {
    COHORT_ASSIGN_OR_RETURN(after, DecodePageToken(query, request.page_token()));
  }
  COHORT_RETURN_IF_ERROR(ReadTrouble("find the job", store->GetJob(request.parent()).status()));
  cohort::v1::ListStepsResponse response;
  int64_t num_bytes = 0;
  while (true) {
    const auto events = store->ListStepEvents(request.parent(), after, kEventsPerRead);
    if (!events.ok()) return ReadTrouble("list steps", events.status());
    for (const cohort::v1::JobEvent& event : *events) {
      cohort::v1::StepRecord record = AsStepRecord(event, request);
      num_bytes += static_cast<int64_t>(record.ByteSizeLong());
      // One step more than the page tells that there is a next one.
      const bool is_full = response.steps_size() > 0 && num_bytes > kMaxPageBytes;
      if (is_full || response.steps_size() == page_size) {
        response.set_next_page_token(EncodePageToken(query, after));
        return response;
      }
      after = event.step().policy_version();
      *response.add_steps() = std::move(record);
    }
    if (static_cast<int>(events->size()) < kEventsPerRead) return response;
  }
}

}  // namespace cohort::coordinator
