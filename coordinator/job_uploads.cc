// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_uploads.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/field_error.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "coordinator/dataset/open_row_reader.h"

namespace cohort::coordinator {
namespace {

constexpr absl::Duration kInterval = absl::Hours(24);
constexpr absl::Duration kGrace = absl::Hours(24);
constexpr int kJobsPerRead = 256;

// By field path.
std::vector<std::pair<std::string, const cohort::v1::DatasetSpec*>> DatasetsOf(const cohort::v1::JobSpec& spec) {
  std::vector<std::pair<std::string, const cohort::v1::DatasetSpec*>> datasets;
  if (spec.has_rlvr()) datasets.emplace_back("rlvr.data", &spec.rlvr().data());
  if (spec.has_sft()) datasets.emplace_back("sft.data", &spec.sft().data());
  if (spec.has_evaluation()) datasets.emplace_back("evaluation.data", &spec.evaluation().data());
  return datasets;
}

// What the jobs of the store name.
struct NeededFiles {
  std::set<DatasetStore::Key> uploads;
  std::set<std::string> indices;  // RowIndexStore::NameOf
};

absl::StatusOr<NeededFiles> FindNeededFiles(const CoordinatorContext& context) {
  NeededFiles needed;
  JobFilter filter{.limit = kJobsPerRead};
  while (true) {
    COHORT_ASSIGN_OR_RETURN(const auto records, context.store->ListJobs(filter));
    for (const JobRecord& record : records) {
      filter.below_sequence = record.sequence;
      const DatasetRoots roots = DatasetRootsOf(context, record.job.name());
      for (const auto& [field, data] : DatasetsOf(record.job.spec())) {
        if (data->has_uploaded()) needed.uploads.emplace(roots.name_space, data->uploaded().sha256());
        const auto index = IndexNameOf(*data, roots);
        if (index.has_value()) needed.indices.insert(*index);
      }
    }
    if (static_cast<int>(records.size()) < kJobsPerRead) return needed;
  }
}

}  // namespace

absl::Status CheckUploads(const cohort::v1::JobSpec& spec, const DatasetRoots& roots) {
  for (const auto& [data_field, data] : DatasetsOf(spec)) {
    if (!data->has_uploaded()) continue;
    const std::string field = data_field + ".uploaded.sha256";
    const std::string& sha256 = data->uploaded().sha256();
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
  if (now < next_ || (context_->datasets == nullptr && context_->row_indices == nullptr)) return;
  next_ = now + kInterval;
  const auto needed = FindNeededFiles(*context_);
  if (!needed.ok()) return log::Warning("dataset_sweep", {{"error", needed.status()}});
  if (context_->datasets != nullptr) context_->datasets->RemoveUnused(needed->uploads, kGrace);
  if (context_->row_indices != nullptr) context_->row_indices->RemoveUnused(needed->indices, kGrace);
}

}  // namespace cohort::coordinator
