// SPDX-License-Identifier: Apache-2.0
#include "coordinator/evaluation_validation.h"

#include <cmath>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/dataset_validation.h"
#include "coordinator/field_check.h"
#include "coordinator/reward_validation.h"
#include "reward/row_use.h"

namespace cohort::coordinator {
namespace {

constexpr int32_t kMaxCompletionTokens = 1 << 17;
constexpr int kMaxRuns = 16;
constexpr size_t kMaxRunNameBytes = 64;

absl::Status CheckPassAtK(const cohort::v1::EvaluationRun& run) {
  std::set<int32_t> seen;
  for (int i = 0; i < run.pass_at_k_size(); ++i) {
    const std::string field = absl::StrCat("pass_at_k[", i, "]");
    const int32_t k = run.pass_at_k(i);
    if (k < 1 || k > run.samples_per_problem()) {
      return common::InvalidField(
          field, absl::StrCat(k),
          absl::StrCat("must be from 1 to samples_per_problem, which is ", run.samples_per_problem()));
    }
    if (!seen.insert(k).second) return common::InvalidField(field, absl::StrCat(k), "must be unique");
  }
  return absl::OkStatus();
}

absl::Status ResolveRun(cohort::v1::EvaluationRun* run) {
  if (run->name().empty()) return common::InvalidField("name", "", "needs a name");
  if (run->name().size() > kMaxRunNameBytes) {
    return common::InvalidField("name", run->name(), absl::StrCat("must be at most ", kMaxRunNameBytes, " bytes"));
  }
  if (run->samples_per_problem() == 0) run->set_samples_per_problem(1);
  COHORT_RETURN_IF_ERROR(CheckCount("samples_per_problem", run->samples_per_problem(), kMaxGroupSize));
  COHORT_RETURN_IF_ERROR(common::PrefixField(ResolveSampling(run->mutable_sampling()), "sampling"));
  COHORT_RETURN_IF_ERROR(CheckPassAtK(*run));
  if (run->has_min_final_reward() && !std::isfinite(run->min_final_reward())) {
    return common::InvalidField("min_final_reward", absl::StrCat(run->min_final_reward()), "must be finite");
  }
  return CheckRange("min_final_accuracy", run->min_final_accuracy(), 0.0, 1.0);
}

}  // namespace

absl::Status CheckProblems(const cohort::v1::DatasetSpec& data, const cohort::v1::RewardSpec& reward) {
  COHORT_RETURN_IF_ERROR(CheckData(data));
  if (data.fields().answer().empty() && reward::NeedsAnswer(reward)) {
    return common::InvalidField("fields.answer", "", "needs the name of a row field: math_answer compares with it");
  }
  return absl::OkStatus();
}

absl::Status ResolveSampling(cohort::v1::SamplingSpec* sampling) {
  if (!sampling->has_temperature()) sampling->set_temperature(1);
  if (!sampling->has_top_p()) sampling->set_top_p(1);
  COHORT_RETURN_IF_ERROR(CheckNotNegative("temperature", sampling->temperature()));
  COHORT_RETURN_IF_ERROR(CheckNotNegative("top_k", sampling->top_k()));
  if (!(sampling->top_p() > 0 && sampling->top_p() <= 1)) {
    return common::InvalidField("top_p", absl::StrCat(sampling->top_p()), "must be greater than 0 and at most 1");
  }
  return CheckCount("max_completion_tokens", sampling->max_completion_tokens(), kMaxCompletionTokens);
}

absl::Status ResolveEvaluation(const cohort::v1::JobSpec& job, cohort::v1::EvaluationSpec* evaluation) {
  if (!evaluation->has_reward() && !job.has_rlvr()) {
    return common::InvalidField("reward", "", "is required: only rlvr jobs have a reward of their own to judge by");
  }
  if (!evaluation->has_reward()) *evaluation->mutable_reward() = job.rlvr().reward();
  COHORT_RETURN_IF_ERROR(common::PrefixField(ResolveReward(evaluation->mutable_reward()), "reward"));
  COHORT_RETURN_IF_ERROR(common::PrefixField(CheckProblems(evaluation->data(), evaluation->reward()), "data"));
  COHORT_RETURN_IF_ERROR(CheckNotNegative("every_steps", evaluation->every_steps()));
  if (evaluation->runs().empty()) return common::InvalidField("runs", "", "needs at least one run");
  if (evaluation->runs_size() > kMaxRuns) {
    return common::InvalidField("runs", absl::StrCat(evaluation->runs_size()),
                                absl::StrCat("must be at most ", kMaxRuns));
  }
  std::set<std::string> names;
  for (int i = 0; i < evaluation->runs_size(); ++i) {
    const std::string field = absl::StrCat("runs[", i, "]");
    COHORT_RETURN_IF_ERROR(common::PrefixField(ResolveRun(evaluation->mutable_runs(i)), field));
    if (!names.insert(evaluation->runs(i).name()).second) {
      return common::InvalidField(field + ".name", evaluation->runs(i).name(), "must be unique");
    }
  }
  return absl::OkStatus();
}

}  // namespace cohort::coordinator
