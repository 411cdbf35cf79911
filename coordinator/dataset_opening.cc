// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset_opening.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/rescore_data.h"
#include "coordinator/storage_trouble.h"

namespace cohort::coordinator {
namespace {

constexpr char kBeingRead[] = "cohort/being_read";

absl::Status BeingRead() {
  absl::Status status = absl::UnavailableError("the files of the job are being read");
  status.SetPayload(kBeingRead, absl::Cord());
  return status;
}

// Large folders are read once: not when the digest is stored.
absl::StatusOr<bool> NeedsWeightDigest(const CoordinatorContext& context, const JobRecord& record) {
  if (!record.job.spec().has_eval()) return false;
  const auto versions = context.store->ListVersions(record.job.name());
  if (!versions.ok()) return ReadTrouble("list the versions of the job", versions.status());
  return std::none_of(versions->begin(), versions->end(),
                      [](const VersionRecord& stored) { return stored.version == kModelVersion; });
}

absl::StatusOr<std::string> ReadWeightDigest(const CoordinatorContext& context, const JobRecord& record,
                                             const std::function<bool()>& is_stopped) {
  auto digest = context.read_weight_digest(record.model_path, is_stopped);
  if (digest.ok()) return digest;
  const char* const field = record.job.spec().model().has_from_job() ? "model.from_job" : "model.path";
  const absl::Status status = common::PrefixField(digest.status(), field);
  // The folder has changed since the submit, and will not change back by itself.
  return absl::IsUnimplemented(status) ? absl::FailedPreconditionError(status.message()) : status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<JobData>> DatasetOpening::Take(const JobRecord& record) {
  const absl::Duration now = context_->clock->Monotonic();
  if (result_ == nullptr) {
    if (!error_.ok() && now < stands_until_) return error_;
    COHORT_ASSIGN_OR_RETURN(reads_weights_, NeedsWeightDigest(*context_, record));
    result_ = std::make_shared<Result>();
    const auto kind = reads_weights_ ? CoordinatorContext::Reading::kWeights : CoordinatorContext::Reading::kDataset;
    context_->read_apart(kind, [context = context_, result = result_, record, reads_weights = reads_weights_] {
      auto data = Read(*context, record, reads_weights, *result);
      bool is_awaited = false;
      {
        absl::MutexLock lock(&result->mutex);
        result->data = std::move(data);
        result->is_there = true;
        is_awaited = result->is_awaited;
      }
      if (is_awaited) context->plans_signal->Notify();
    });
  }
  const std::shared_ptr<Result> result = result_;
  absl::MutexLock lock(&result->mutex);
  if (!result->is_there) {
    result->is_awaited = true;
    return BeingRead();
  }
  result_ = nullptr;
  error_ = result->data.status();
  if (!error_.ok()) {
    // A rank that waits asks at every change, and whoever reads moves the signal.
    wait_ = std::clamp(2 * wait_, kFirstWait, kLongestWait);
    stands_until_ = now + wait_;
  }
  return std::move(result->data);
}

DatasetOpening::~DatasetOpening() {
  if (result_ != nullptr) result_->is_abandoned = true;
}

absl::StatusOr<std::unique_ptr<JobData>> DatasetOpening::Read(const CoordinatorContext& context,
                                                              const JobRecord& record, bool reads_weights,
                                                              const Result& result) {
  COHORT_ASSIGN_OR_RETURN(JobData data, OpenDataOf(context, record));
  if (reads_weights) {
    const auto is_stopped = [&context, &result] {
      return result.is_abandoned || (context.is_stopped != nullptr && *context.is_stopped);
    };
    COHORT_ASSIGN_OR_RETURN(data.weight_digest, ReadWeightDigest(context, record, is_stopped));
  }
  return std::make_unique<JobData>(std::move(data));
}

bool DatasetOpening::IsReading() const {
  if (result_ == nullptr) return false;
  absl::MutexLock lock(&result_->mutex);
  return !result_->is_there;
}

bool IsBeingRead(const absl::Status& status) { return status.GetPayload(kBeingRead).has_value(); }

}  // namespace cohort::coordinator
