// SPDX-License-Identifier: Apache-2.0
#include "coordinator/preflight.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/dataset/dataset.h"
#include "coordinator/first_row_error.h"
#include "coordinator/job_data.h"
#include "model/tokenizer/prompt_tokens.h"
#include "model/tokenizer/tokenizer.h"
#include "model/weights/model_folder.h"
#include "reward/rubric.h"

namespace cohort::coordinator {
namespace {

// Tokens that every sequence has besides prompt and demonstration: the first sampled one, or the EOS.
constexpr int64_t kLeastCompletionTokens = 1;
constexpr int64_t kMaxEvaluationGroups = 200'000;

absl::Status BadFile(std::string_view field, const absl::Status& status) {
  return common::InvalidField(field, "", std::string(status.message()));
}

// At submit a file that is not there is a wrong path.
absl::Status AsInvalidArgument(const absl::Status& status) {
  absl::Status invalid = absl::InvalidArgumentError(status.message());
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) { invalid.SetPayload(url, payload); });
  return invalid;
}

absl::Status ResolveSequenceTokens(const model::ModelConfig& config, cohort::v1::TrainingSpec* training) {
  if (training->max_sequence_tokens() == 0) {
    training->set_max_sequence_tokens(static_cast<int32_t>(config.max_position_embeddings));
  }
  if (training->max_sequence_tokens() <= config.max_position_embeddings) return absl::OkStatus();
  return common::InvalidField(
      "training.max_sequence_tokens", absl::StrCat(training->max_sequence_tokens()),
      absl::StrCat("must not exceed the model's max_position_embeddings, ", config.max_position_embeddings));
}

absl::Status ResolveVocabSize(const model::ModelConfig& config, cohort::v1::ModelSpec* model) {
  if (model->vocab_size() == 0) model->set_vocab_size(config.vocab_size);
  if (model->vocab_size() == config.vocab_size) return absl::OkStatus();
  return common::InvalidField("model.vocab_size", absl::StrCat(model->vocab_size()),
                              absl::StrCat("must be that of the model's config.json, ", config.vocab_size));
}

absl::StatusOr<int64_t> NumTokens(const absl::StatusOr<std::vector<int32_t>>& ids, const std::string& where) {
  if (ids.ok()) return static_cast<int64_t>(ids->size());
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", ids.status().message()));
}

// Of a problem or a demonstration.
template <typename Item>
absl::StatusOr<int64_t> NumPromptTokens(const model::Tokenizer& tokenizer, const Item& item, const std::string& where) {
  return NumTokens(model::EncodePrompt(tokenizer, item.prompt(), item.prompt_is_rendered()), where);
}

absl::Status CheckLength(const char* what, int64_t num_tokens, int32_t max_tokens, const std::string& where) {
  if (num_tokens + kLeastCompletionTokens <= max_tokens) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(where, ": the ", what, " is longer than the context (", num_tokens,
                                                 " tokens; training.max_sequence_tokens is ", max_tokens, ")"));
}

absl::Status CheckGold(const Dataset& dataset, const cohort::v1::Problem& problem, reward::Rubric* rubric) {
  const absl::Status gold = rubric->CheckGold(problem);
  if (gold.ok()) return gold;
  return absl::InvalidArgumentError(absl::StrCat(dataset.Describe(problem.problem_id()), ": ", gold.message()));
}

absl::Status CheckProblem(const Dataset& dataset, int64_t row, const model::Tokenizer& tokenizer, int32_t max_tokens,
                          reward::Rubric* rubric) {
  const std::string where = dataset.Describe(row);
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::Problem problem, dataset.ReadProblem(row));
  COHORT_ASSIGN_OR_RETURN(const int64_t num_tokens, NumPromptTokens(tokenizer, problem, where));
  if (num_tokens == 0) return absl::InvalidArgumentError(absl::StrCat(where, ": the prompt has no tokens"));
  COHORT_RETURN_IF_ERROR(CheckLength("prompt", num_tokens, max_tokens, where));
  return CheckGold(dataset, problem, rubric);
}

// All groups of an evaluation are admitted together.
absl::Status CheckEvaluationSize(const Dataset& dataset, const cohort::v1::EvaluationSpec& evaluation) {
  const int64_t num_groups = dataset.NumRows() * evaluation.runs_size();
  if (num_groups <= kMaxEvaluationGroups) return absl::OkStatus();
  return common::InvalidField(
      "evaluation.data.max_rows", absl::StrCat(dataset.NumRows()),
      absl::StrCat(evaluation.runs_size(), " runs over so many rows are more than ", kMaxEvaluationGroups, " groups"));
}

absl::Status CheckDemonstration(const Dataset& dataset, int64_t row, const model::Tokenizer& tokenizer,
                                int32_t max_tokens) {
  const std::string where = dataset.Describe(row);
  COHORT_ASSIGN_OR_RETURN(const auto demonstration, dataset.ReadDemonstration(row));
  COHORT_ASSIGN_OR_RETURN(const int64_t prompt, NumPromptTokens(tokenizer, demonstration, where));
  if (prompt == 0) return absl::InvalidArgumentError(absl::StrCat(where, ": the prompt has no tokens"));
  COHORT_ASSIGN_OR_RETURN(const int64_t completion, NumTokens(tokenizer.Encode(demonstration.completion()), where));
  return CheckLength("demonstration", prompt + completion, max_tokens, where);
}

absl::Status CheckProblems(const Dataset& dataset, const cohort::v1::RewardSpec& reward, const std::string& field,
                           const model::Tokenizer& tokenizer, int32_t max_tokens, const PreflightOptions& options) {
  const auto rubric = reward::Rubric::Create(reward, options.roots.data_root, options.zygote, options.num_children);
  if (!rubric.ok()) return common::PrefixField(rubric.status(), field + ".reward");
  const absl::Status rows = FirstRowError(dataset.NumRows(), options.num_children, [&](int64_t row) {
    return CheckProblem(dataset, row, tokenizer, max_tokens, rubric->get());
  });
  return rows.ok() ? rows : BadFile(field + ".data", rows);
}

absl::StatusOr<cohort::v1::JobSpec> CheckRescore(const cohort::v1::JobSpec& spec, const std::string& model_path,
                                                 const PreflightOptions& options) {
  const auto rubric =
      reward::Rubric::Create(spec.rescore().reward(), options.roots.data_root, options.zygote, options.num_children);
  if (!rubric.ok()) return common::PrefixField(rubric.status(), "rescore.reward");
  const auto opened = OpenJobData(spec, options.roots, model_path);
  if (!opened.ok()) return AsInvalidArgument(opened.status());
  const Dataset& problems = *opened->evaluation;
  const absl::Status rows = FirstRowError(problems.NumRows(), options.num_children, [&](int64_t row) -> absl::Status {
    COHORT_ASSIGN_OR_RETURN(const cohort::v1::Problem problem, problems.ReadProblem(row));
    return CheckGold(problems, problem, rubric->get());
  });
  if (!rows.ok()) return BadFile("rescore.job", rows);
  return spec;
}

}  // namespace

absl::StatusOr<cohort::v1::JobSpec> CheckAgainstFiles(const cohort::v1::JobSpec& spec, const std::string& model_path,
                                                      const PreflightOptions& options) {
  if (spec.has_rescore()) return CheckRescore(spec, model_path, options);
  cohort::v1::JobSpec job = spec;
  const char* const model_field = spec.model().has_from_job() ? "model.from_job" : "model.path";
  const auto model = model::InspectModelFolder(model_path);
  if (!model.ok()) return BadFile(model_field, model.status());
  const auto tokenizer = model::Tokenizer::Load(model_path);
  if (!tokenizer.ok()) return BadFile(model_field, tokenizer.status());
  COHORT_RETURN_IF_ERROR(ResolveVocabSize(model->config, job.mutable_model()));
  COHORT_RETURN_IF_ERROR(ResolveSequenceTokens(model->config, job.mutable_training()));
  const int32_t max_tokens = job.training().max_sequence_tokens();

  const auto opened = OpenJobData(job, options.roots, model_path);
  if (!opened.ok()) return AsInvalidArgument(opened.status());
  const JobData& data = *opened;
  if (job.has_rlvr()) {
    COHORT_RETURN_IF_ERROR(CheckProblems(*data.train, job.rlvr().reward(), "rlvr", **tokenizer, max_tokens, options));
  } else if (job.has_sft()) {
    const absl::Status rows = FirstRowError(data.train->NumRows(), options.num_children, [&](int64_t row) {
      return CheckDemonstration(*data.train, row, **tokenizer, max_tokens);
    });
    if (!rows.ok()) return BadFile("sft.data", rows);
  }
  if (data.evaluation != nullptr) {
    COHORT_RETURN_IF_ERROR(CheckEvaluationSize(*data.evaluation, job.evaluation()));
    COHORT_RETURN_IF_ERROR(
        CheckProblems(*data.evaluation, job.evaluation().reward(), "evaluation", **tokenizer, max_tokens, options));
  }
  return job;
}

}  // namespace cohort::coordinator
