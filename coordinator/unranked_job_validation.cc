// SPDX-License-Identifier: Apache-2.0
#include "coordinator/unranked_job_validation.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/evaluation_validation.h"
#include "coordinator/field_check.h"
#include "coordinator/resource_name.h"
#include "coordinator/reward_validation.h"

namespace cohort::coordinator {
namespace {

constexpr char kTrainsNothing[] = "must not be set: the job trains nothing";

absl::Status CheckTrainsNothing(const cohort::v1::JobSpec& job) {
  if (job.has_objective()) return common::InvalidField("objective", job.objective().preset(), kTrainsNothing);
  if (job.has_optimizer()) return common::InvalidField("optimizer", "", kTrainsNothing);
  if (job.has_checkpoint()) return common::InvalidField("checkpoint", "", kTrainsNothing);
  return absl::OkStatus();
}

// What sampling takes from it: seed and context.
absl::Status CheckEvalTraining(const cohort::v1::TrainingSpec& training) {
  const std::pair<const char*, int64_t> unused[] = {
      {"num_steps", training.num_steps()},
      {"updates_per_step", training.updates_per_step()},
      {"world_size", training.world_size()},
      {"max_tokens_per_microbatch", training.max_tokens_per_microbatch()}};
  for (const auto& [field, value] : unused) {
    if (value != 0) return common::InvalidField(field, absl::StrCat(value), kTrainsNothing);
  }
  const std::pair<const char*, bool> unused_flags[] = {{"recompute_activations", training.recompute_activations()},
                                                       {"share_prompts", training.share_prompts()}};
  for (const auto& [field, is_set] : unused_flags) {
    if (is_set) return common::InvalidField(field, "true", kTrainsNothing);
  }
  return CheckNotNegative("max_sequence_tokens", training.max_sequence_tokens());
}

absl::Status ResolveEval(cohort::v1::JobSpec* job) {
  if (!job->has_evaluation()) return common::InvalidField("evaluation", "", "is required: it is what an eval job does");
  if (job->evaluation().every_steps() != 0) {
    return common::InvalidField("evaluation.every_steps", absl::StrCat(job->evaluation().every_steps()),
                                kTrainsNothing);
  }
  COHORT_RETURN_IF_ERROR(common::PrefixField(CheckEvalTraining(job->training()), "training"));
  return common::PrefixField(ResolveEvaluation(*job, job->mutable_evaluation()), "evaluation");
}

absl::Status ResolveRescore(cohort::v1::JobSpec* job) {
  if (job->has_model()) {
    return common::InvalidField("model", job->model().has_from_job() ? job->model().from_job() : job->model().path(),
                                "must not be set: a rescore job runs no model");
  }
  if (job->has_training()) return common::InvalidField("training", "", kTrainsNothing);
  if (job->has_evaluation()) {
    return common::InvalidField("evaluation", "", "must not be set: a rescore job judges what is stored");
  }
  cohort::v1::RescoreSpec* rescore = job->mutable_rescore();
  COHORT_RETURN_IF_ERROR(CheckId("rescore.job", rescore->job()));
  COHORT_RETURN_IF_ERROR(CheckNotNegative("rescore.first_step", rescore->first_step()));
  COHORT_RETURN_IF_ERROR(CheckNotNegative("rescore.last_step", rescore->last_step()));
  if (rescore->last_step() != 0 && rescore->last_step() <= rescore->first_step()) {
    return common::InvalidField("rescore.last_step", absl::StrCat(rescore->last_step()),
                                absl::StrCat("must be above first_step, which is ", rescore->first_step()));
  }
  return common::PrefixField(ResolveReward(rescore->mutable_reward()), "rescore.reward");
}

}  // namespace

absl::Status ResolveUnrankedJob(cohort::v1::JobSpec* job) {
  COHORT_RETURN_IF_ERROR(CheckTrainsNothing(*job));
  return job->has_eval() ? ResolveEval(job) : ResolveRescore(job);
}

}  // namespace cohort::coordinator
