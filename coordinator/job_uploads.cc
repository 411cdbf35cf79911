// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_uploads.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/field_error.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "coordinator/resource_name.h"

namespace cohort::coordinator {
namespace {

constexpr absl::Duration kInterval = absl::Hours(24);
constexpr absl::Duration kGrace = absl::Hours(24);
constexpr int kJobsPerRead = 256;

// Field path and digest.
std::vector<std::pair<std::string, std::string>> UploadsOf(const cohort::v1::JobSpec& spec) {
  std::vector<std::pair<std::string, std::string>> uploads;
  const auto add = [&uploads](const char* field, const cohort::v1::DatasetSpec& data) {
    if (data.has_uploaded()) uploads.emplace_back(field, data.uploaded().sha256());
  };
  if (spec.has_rlvr()) add("rlvr.data.uploaded.sha256", spec.rlvr().data());
  if (spec.has_sft()) add("sft.data.uploaded.sha256", spec.sft().data());
  if (spec.has_evaluation()) add("evaluation.data.uploaded.sha256", spec.evaluation().data());
  return uploads;
}

absl::StatusOr<std::set<DatasetStore::Key>> NeededUploads(JobStore* store) {
  std::set<DatasetStore::Key> needed;
  JobFilter filter{.limit = kJobsPerRead};
  while (true) {
    COHORT_ASSIGN_OR_RETURN(const auto records, store->ListJobs(filter));
    for (const JobRecord& record : records) {
      filter.below_sequence = record.sequence;
      for (const auto& [field, sha256] : UploadsOf(record.job.spec())) {
        needed.emplace(NamespaceOf(record.job.name()), sha256);
      }
    }
    if (static_cast<int>(records.size()) < kJobsPerRead) return needed;
  }
}

}  // namespace

absl::Status CheckUploads(const cohort::v1::JobSpec& spec, const DatasetRoots& roots) {
  for (const auto& [field, sha256] : UploadsOf(spec)) {
    if (roots.uploads == nullptr) return common::InvalidField(field, sha256, "there are no uploaded files here");
    const absl::Status status = roots.uploads->Use(roots.name_space, sha256).status();
    if (!status.ok()) {
      const absl::Status invalid = common::InvalidField(field, sha256, std::string(status.message()));
      absl::Status named(status.code(), invalid.message());
      invalid.ForEachPayload(
          [&named](absl::string_view url, const absl::Cord& payload) { named.SetPayload(url, payload); });
      return named;
    }
  }
  return absl::OkStatus();
}

void UploadSweep::Tick() {
  const absl::Duration now = context_->clock->Monotonic();
  if (now < next_ || context_->datasets == nullptr) return;
  next_ = now + kInterval;
  const auto needed = NeededUploads(context_->store);
  if (needed.ok()) {
    context_->datasets->RemoveUnused(*needed, kGrace);
  } else {
    log::Warning("dataset_sweep", {{"error", needed.status()}});
  }
}

}  // namespace cohort::coordinator
