// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_data.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "model/chat_template/chat_template.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kDigestBytes = 32;

bool HasMessages(const cohort::v1::DatasetSpec& data) { return !data.fields().messages().empty(); }

}  // namespace

std::string JobData::Digest() const {
  return evaluation == nullptr ? train->Digest() : train->Digest() + evaluation->Digest();
}

absl::Status CheckUnchanged(const JobData& data, const cohort::v1::JobSpec& spec, std::string_view digest) {
  if (digest.empty() || data.Digest() == digest) return absl::OkStatus();
  const bool is_train = data.train->Digest() != digest.substr(0, kDigestBytes);
  const char* const kind = spec.has_sft() ? "sft.data" : "rlvr.data";
  const auto& dataset = !is_train ? spec.evaluation().data() : spec.has_sft() ? spec.sft().data() : spec.rlvr().data();
  return absl::FailedPreconditionError(
      absl::StrCat(is_train ? kind : "evaluation.data",
                   HasMessages(dataset) ? ": the rows or the model's chat template are" : ": the rows are",
                   " not those of the submit (", dataset.jsonl().path(), ")"));
}

absl::StatusOr<JobData> OpenJobData(const cohort::v1::JobSpec& spec, std::string_view data_root,
                                    const std::string& model_path) {
  JobData data;
  const cohort::v1::DatasetSpec& train_spec = spec.has_sft() ? spec.sft().data() : spec.rlvr().data();
  std::shared_ptr<const model::ChatTemplate> chat_template;
  if (HasMessages(train_spec) || HasMessages(spec.evaluation().data())) {
    auto loaded = model::ChatTemplate::Load(model_path);
    if (!loaded.ok()) {
      return common::PrefixField(loaded.status(), spec.model().has_from_job() ? "model.from_job" : "model.path");
    }
    chat_template = *std::move(loaded);
  }
  auto train = Dataset::Open(train_spec, data_root, chat_template);
  if (!train.ok()) return common::PrefixField(train.status(), spec.has_sft() ? "sft.data" : "rlvr.data");
  data.train = *std::move(train);
  data.cursor = std::make_unique<PromptCursor>(spec.training().seed(), data.train->NumRows());
  if (!spec.has_evaluation()) return data;
  auto evaluation = Dataset::Open(spec.evaluation().data(), data_root, chat_template);
  if (!evaluation.ok()) return common::PrefixField(evaluation.status(), "evaluation.data");
  data.evaluation = *std::move(evaluation);
  return data;
}

}  // namespace cohort::coordinator
