// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_data.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kDigestBytes = 32;

}  // namespace

std::string JobData::Digest() const {
  return evaluation == nullptr ? train->Digest() : train->Digest() + evaluation->Digest();
}

absl::Status CheckUnchanged(const JobData& data, const cohort::v1::JobSpec& spec, std::string_view digest) {
  if (digest.empty() || data.Digest() == digest) return absl::OkStatus();
  const bool is_train = data.train->Digest() != digest.substr(0, kDigestBytes);
  const char* const kind = spec.has_sft() ? "sft.data" : "rlvr.data";
  const auto& dataset = !is_train ? spec.evaluation().data() : spec.has_sft() ? spec.sft().data() : spec.rlvr().data();
  return absl::FailedPreconditionError(absl::StrCat(
      is_train ? kind : "evaluation.data", ": the rows are not those of the submit (", dataset.jsonl().path(), ")"));
}

absl::StatusOr<JobData> OpenJobData(const cohort::v1::JobSpec& spec, std::string_view data_root) {
  JobData data;
  auto train = Dataset::Open(spec.has_sft() ? spec.sft().data() : spec.rlvr().data(), data_root);
  if (!train.ok()) return common::PrefixField(train.status(), spec.has_sft() ? "sft.data" : "rlvr.data");
  data.train = *std::move(train);
  data.cursor = std::make_unique<PromptCursor>(spec.training().seed(), data.train->NumRows());
  if (!spec.has_evaluation()) return data;
  auto evaluation = Dataset::Open(spec.evaluation().data(), data_root);
  if (!evaluation.ok()) return common::PrefixField(evaluation.status(), "evaluation.data");
  data.evaluation = *std::move(evaluation);
  return data;
}

}  // namespace cohort::coordinator
