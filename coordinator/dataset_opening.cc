// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset_opening.h"

#include <algorithm>
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

// Empty when the job needs none, or when it is stored: large folders are read once.
absl::StatusOr<std::string> ReadWeightDigest(const CoordinatorContext& context, const JobRecord& record) {
  const cohort::v1::JobSpec& spec = record.job.spec();
  if (!spec.has_eval()) return std::string();
  const auto versions = context.store->ListVersions(record.job.name());
  if (!versions.ok()) return ReadTrouble("list the versions of the job", versions.status());
  if (!versions->empty()) return std::string();
  auto digest = context.read_weight_digest(record.model_path, context.is_stopped);
  if (digest.ok()) return digest;
  return common::PrefixField(digest.status(), spec.model().has_from_job() ? "model.from_job" : "model.path");
}

absl::StatusOr<std::unique_ptr<JobData>> OpenOnHeap(const CoordinatorContext& context, const JobRecord& record) {
  COHORT_ASSIGN_OR_RETURN(JobData data, OpenDataOf(context, record));
  COHORT_ASSIGN_OR_RETURN(data.weight_digest, ReadWeightDigest(context, record));
  return std::make_unique<JobData>(std::move(data));
}

}  // namespace

absl::StatusOr<std::unique_ptr<JobData>> DatasetOpening::Take(const JobRecord& record) {
  const absl::Duration now = context_->clock->Monotonic();
  if (result_ == nullptr) {
    if (!error_.ok() && now < stands_until_) return error_;
    result_ = std::make_shared<Result>();
    context_->read_apart([context = context_, result = result_, record] {
      auto data = OpenOnHeap(*context, record);
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

bool DatasetOpening::IsReading() const {
  if (result_ == nullptr) return false;
  absl::MutexLock lock(&result_->mutex);
  return !result_->is_there;
}

bool IsBeingRead(const absl::Status& status) { return status.GetPayload(kBeingRead).has_value(); }

}  // namespace cohort::coordinator
