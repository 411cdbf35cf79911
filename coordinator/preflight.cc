// SPDX-License-Identifier: Apache-2.0
#include "coordinator/preflight.h"

#include <algorithm>
#include <atomic>
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
#include "coordinator/job_demand.h"
#include "coordinator/learner_memory_validation.h"
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

// The largest number that threads have met.
class Largest final {
 public:
  void Meet(int64_t value) {
    int64_t now = value_;
    while (value > now && !value_.compare_exchange_weak(now, value)) {
    }
  }
  int64_t value() const { return value_; }

 private:
  std::atomic<int64_t> value_{0};
};

absl::Status CheckProblem(const Dataset& dataset, int64_t row, const model::Tokenizer& tokenizer, int32_t max_tokens,
                          reward::Rubric* rubric, Largest* prompt_tokens) {
  const std::string where = dataset.Describe(row);
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::Problem problem, dataset.ReadProblem(row));
  COHORT_ASSIGN_OR_RETURN(const int64_t num_tokens, NumPromptTokens(tokenizer, problem, where));
  if (num_tokens == 0) return absl::InvalidArgumentError(absl::StrCat(where, ": the prompt has no tokens"));
  prompt_tokens->Meet(num_tokens);
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
                                int32_t max_tokens, Largest* sequence_tokens) {
  const std::string where = dataset.Describe(row);
  COHORT_ASSIGN_OR_RETURN(const auto demonstration, dataset.ReadDemonstration(row));
  COHORT_ASSIGN_OR_RETURN(const int64_t prompt, NumPromptTokens(tokenizer, demonstration, where));
  if (prompt == 0) return absl::InvalidArgumentError(absl::StrCat(where, ": the prompt has no tokens"));
  COHORT_ASSIGN_OR_RETURN(const int64_t completion, NumTokens(tokenizer.Encode(demonstration.completion()), where));
  sequence_tokens->Meet(prompt + completion + kLeastCompletionTokens);
  return CheckLength("demonstration", prompt + completion, max_tokens, where);
}

// The tokens of the longest prompt.
absl::StatusOr<int64_t> CheckProblems(const Dataset& dataset, const cohort::v1::RewardSpec& reward,
                                      const std::string& field, const model::Tokenizer& tokenizer, int32_t max_tokens,
                                      const PreflightOptions& options) {
  const auto rubric = reward::Rubric::Create(reward, options.roots.data_root, options.zygote, options.num_children);
  if (!rubric.ok()) return common::PrefixField(rubric.status(), field + ".reward");
  Largest prompt_tokens;
  const absl::Status rows = FirstRowError(dataset.NumRows(), options.num_children, [&](int64_t row) {
    return CheckProblem(dataset, row, tokenizer, max_tokens, rubric->get(), &prompt_tokens);
  });
  if (!rows.ok()) return BadFile(field + ".data", rows);
  return prompt_tokens.value();
}

// The tokens of the longest demonstration.
absl::StatusOr<int64_t> CheckDemonstrations(const Dataset& dataset, const model::Tokenizer& tokenizer,
                                            int32_t max_tokens, const PreflightOptions& options) {
  Largest sequence_tokens;
  const absl::Status rows = FirstRowError(dataset.NumRows(), options.num_children, [&](int64_t row) {
    return CheckDemonstration(dataset, row, tokenizer, max_tokens, &sequence_tokens);
  });
  if (!rows.ok()) return BadFile("sft.data", rows);
  return sequence_tokens.value();
}

// The rows that a training job samples from or imitates; returns the most tokens that one of its sequences can have.
absl::StatusOr<int64_t> CheckTrainRows(const cohort::v1::JobSpec& job, const Dataset& dataset,
                                       const model::Tokenizer& tokenizer, const PreflightOptions& options) {
  const int32_t max_tokens = job.training().max_sequence_tokens();
  if (job.has_sft()) return CheckDemonstrations(dataset, tokenizer, max_tokens, options);
  COHORT_ASSIGN_OR_RETURN(const int64_t prompt_tokens,
                          CheckProblems(dataset, job.rlvr().reward(), "rlvr", tokenizer, max_tokens, options));
  return std::min<int64_t>(max_tokens, prompt_tokens + job.rlvr().rollout().sampling().max_completion_tokens());
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
  const auto opened = OpenJobData(job, options.roots, model_path);
  if (!opened.ok()) return AsInvalidArgument(opened.status());
  const JobData& data = *opened;
  if (NeedsRanks(job)) {
    COHORT_ASSIGN_OR_RETURN(const int64_t longest_sequence_tokens,
                            CheckTrainRows(job, *data.train, **tokenizer, options));
    COHORT_RETURN_IF_ERROR(CheckLearnerMemory(job, *model, longest_sequence_tokens, options.rank_memory_bytes));
  }
  if (data.evaluation != nullptr) {
    COHORT_RETURN_IF_ERROR(CheckEvaluationSize(*data.evaluation, job.evaluation()));
    COHORT_RETURN_IF_ERROR(CheckProblems(*data.evaluation, job.evaluation().reward(), "evaluation", **tokenizer,
                                         job.training().max_sequence_tokens(), options)
                               .status());
  }
  return job;
}

}  // namespace cohort::coordinator
