// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_data.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/dataset/open_row_reader.h"
#include "model/chat_template/chat_template.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kDigestBytes = 32;

bool HasMessages(const cohort::v1::DatasetSpec& data) { return !data.fields().messages().empty(); }

// What a job trains on, null when nothing, and the field that says it.
struct TrainingData {
  const char* field = "";
  const cohort::v1::DatasetSpec* data = nullptr;
};

TrainingData TrainingDataOf(const cohort::v1::JobSpec& spec) {
  if (spec.has_rlvr()) return {"rlvr.data", &spec.rlvr().data()};
  if (spec.has_sft()) return {"sft.data", &spec.sft().data()};
  return {};
}

}  // namespace

std::string JobData::Digest() const {
  return absl::StrCat(train == nullptr ? "" : train->Digest(), evaluation == nullptr ? "" : evaluation->Digest());
}

absl::Status JobData::ReadInto(bool sends_rows, cohort::v1::GroupAssignment* group) const {
  const Dataset& dataset = group->purpose() == cohort::v1::GROUP_PURPOSE_EVALUATE ? *evaluation : *train;
  cohort::v1::Problem* const problem = group->mutable_problem();
  COHORT_RETURN_IF_ERROR(dataset.ReadProblem(problem->problem_id(), problem));
  if (!sends_rows) problem->clear_row_json();
  return rescore == nullptr ? absl::OkStatus() : rescore->AddStored(group->group_id(), group);
}

absl::Status CheckUnchanged(const JobData& data, const cohort::v1::JobSpec& spec, std::string_view digest) {
  if (digest.empty() || data.Digest() == digest) return absl::OkStatus();
  const bool is_train = data.train != nullptr && data.train->Digest() != digest.substr(0, kDigestBytes);
  const TrainingData train = TrainingDataOf(spec);
  const cohort::v1::DatasetSpec& dataset = is_train && train.data != nullptr ? *train.data : spec.evaluation().data();
  return absl::FailedPreconditionError(
      absl::StrCat(is_train ? train.field : "evaluation.data",
                   HasMessages(dataset) ? ": the rows or the model's chat template are" : ": the rows are",
                   " not those of the submit (", ReaderText(dataset), ")"));
}

std::string DatasetsText(const cohort::v1::JobSpec& spec) {
  if (spec.has_rescore()) return absl::StrCat("that of the job ", spec.rescore().job());
  const TrainingData train = TrainingDataOf(spec);
  std::string text = train.data == nullptr ? "" : ReaderText(*train.data);
  if (spec.has_evaluation()) absl::StrAppend(&text, text.empty() ? "" : ", ", ReaderText(spec.evaluation().data()));
  return text;
}

absl::StatusOr<JobData> OpenJobData(const cohort::v1::JobSpec& spec, const DatasetRoots& roots,
                                    const std::string& model_path) {
  JobData data;
  const TrainingData train_spec = TrainingDataOf(spec);
  const bool has_training_messages = train_spec.data != nullptr && HasMessages(*train_spec.data);
  std::shared_ptr<const model::ChatTemplate> chat_template;
  if (has_training_messages || HasMessages(spec.evaluation().data())) {
    auto loaded = model::ChatTemplate::Load(model_path);
    if (!loaded.ok()) {
      return common::PrefixField(loaded.status(), spec.model().has_from_job() ? "model.from_job" : "model.path");
    }
    chat_template = *std::move(loaded);
  }
  if (train_spec.data != nullptr) {
    auto train = Dataset::Open(*train_spec.data, roots, chat_template);
    if (!train.ok()) return common::PrefixField(train.status(), train_spec.field);
    data.train = *std::move(train);
    data.cursor = std::make_unique<PromptCursor>(spec.training().seed(), data.train->NumRows());
  }
  if (!spec.has_evaluation()) return data;
  auto evaluation = Dataset::Open(spec.evaluation().data(), roots, chat_template);
  if (!evaluation.ok()) return common::PrefixField(evaluation.status(), "evaluation.data");
  data.evaluation = *std::move(evaluation);
  return data;
}

}  // namespace cohort::coordinator
