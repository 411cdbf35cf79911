// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_validation.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/checkpoint_validation.h"
#include "coordinator/dataset_validation.h"
#include "coordinator/evaluation_validation.h"
#include "coordinator/field_check.h"
#include "coordinator/job_demand.h"
#include "coordinator/optimizer_validation.h"
#include "coordinator/payload_retention.h"
#include "coordinator/resource_name.h"
#include "coordinator/reward_validation.h"
#include "coordinator/rollout_schedule.h"
#include "coordinator/schedule_validation.h"
#include "coordinator/scheduling_validation.h"
#include "coordinator/unranked_job_validation.h"
#include "objective/job_context.h"
#include "objective/objective_resolution.h"

namespace cohort::coordinator {
namespace {

constexpr int64_t kDefaultMicrobatchTokens = 8192;
constexpr int32_t kDefaultMaxAttempts = 3;
// What a coordinator can hold and its messages (4 MiB) can carry. A spec travels inside of a job, up to a page of them.
constexpr size_t kMaxSpecBytes = 128 << 10;
constexpr int64_t kMaxSteps = 1'000'000'000;
constexpr int64_t kMaxSlots = 1 << 18;
constexpr int64_t kMaxSequencesPerStep = 1 << 17;
constexpr int32_t kMaxAttempts = 100;
// Of a step plan, which is one message: see PlannedGroup.
constexpr int64_t kMaxPlanBytes = 3 << 20;
constexpr int64_t kPlanBytesPerGroup = 40;
constexpr int64_t kPlanBytesPerCompletion = 34;  // and 8 per verifier and list position

absl::Status ResolveModel(cohort::v1::ModelSpec* model) {
  if (model->has_from_job()) {
    COHORT_RETURN_IF_ERROR(CheckId("model.from_job", model->from_job()));
  } else if (model->path().empty()) {
    return common::InvalidField("model.path", "", "needs a model folder, or from_job a job");
  }
  if (!cohort::v1::ModelPrecision_IsValid(model->precision())) {
    return common::InvalidField("model.precision", absl::StrCat(model->precision()), "is not known");
  }
  if (model->precision() == cohort::v1::MODEL_PRECISION_UNSPECIFIED) {
    model->set_precision(cohort::v1::MODEL_PRECISION_FP32);
  }
  return absl::OkStatus();
}

absl::Status CheckStepSize(const cohort::v1::RewardSpec& reward, const cohort::v1::RolloutSpec& rollout) {
  int64_t num_scores = reward.verifiers_size();
  for (const cohort::v1::VerifierSpec& verifier : reward.verifiers()) {
    num_scores = std::max<int64_t>(num_scores, reward.verifiers_size() + verifier.ranking().num_items());
  }
  const int64_t num_groups = rollout.groups_per_step();
  const int64_t bytes_per_group =
      kPlanBytesPerGroup + (kPlanBytesPerCompletion + 8 * num_scores) * rollout.group_size();
  const int64_t num_versions = LagOf(rollout) + 1;
  const int64_t most = std::min(kMaxPlanBytes / bytes_per_group, kMaxSlots / num_versions);
  if (num_groups <= most) return absl::OkStatus();
  return common::InvalidField("groups_per_step", absl::StrCat(num_groups),
                              absl::StrCat("must be at most ", most, " with this group_size and lag"));
}

absl::Status ResolveRollout(const cohort::v1::RewardSpec& reward, cohort::v1::RolloutSpec* rollout) {
  COHORT_RETURN_IF_ERROR(CheckCount("group_size", rollout->group_size(), kMaxGroupSize));
  if (rollout->group_size() < 2) {
    return common::InvalidField("group_size", absl::StrCat(rollout->group_size()),
                                "must be at least 2: every objective's credit is relative to the group");
  }
  COHORT_RETURN_IF_ERROR(CheckPositive("groups_per_step", rollout->groups_per_step()));
  COHORT_RETURN_IF_ERROR(common::PrefixField(ResolveSampling(rollout->mutable_sampling()), "sampling"));
  if (rollout->sampling().temperature() == 0) {
    return common::InvalidField("sampling.temperature", "0",
                                "must be greater than 0: greedy completions of one prompt are all equal");
  }
  COHORT_RETURN_IF_ERROR(ResolveSchedule(rollout));
  COHORT_RETURN_IF_ERROR(CheckStepSize(reward, *rollout));
  if (rollout->max_attempts() == 0) rollout->set_max_attempts(kDefaultMaxAttempts);
  return CheckCount("max_attempts", rollout->max_attempts(), kMaxAttempts);
}

absl::Status ResolveRlvr(cohort::v1::RlvrSpec* rlvr) {
  COHORT_RETURN_IF_ERROR(common::PrefixField(ResolveReward(rlvr->mutable_reward()), "rlvr.reward"));
  COHORT_RETURN_IF_ERROR(common::PrefixField(CheckProblems(rlvr->data(), rlvr->reward()), "rlvr.data"));
  return common::PrefixField(ResolveRollout(rlvr->reward(), rlvr->mutable_rollout()), "rlvr.rollout");
}

absl::Status CheckSft(const cohort::v1::SftSpec& sft) {
  COHORT_RETURN_IF_ERROR(common::PrefixField(CheckData(sft.data()), "sft.data"));
  if (sft.data().fields().completion().empty() && sft.data().fields().messages().empty()) {
    return common::InvalidField("sft.data.fields.completion", "", "needs the name of a row field");
  }
  return CheckCount("sft.sequences_per_step", sft.sequences_per_step(), kMaxSequencesPerStep);
}

absl::Status ResolveTraining(int64_t units_per_step, cohort::v1::TrainingSpec* training) {
  COHORT_RETURN_IF_ERROR(CheckCount("num_steps", training->num_steps(), kMaxSteps));
  if (training->updates_per_step() == 0) training->set_updates_per_step(1);
  if (training->world_size() == 0) training->set_world_size(1);
  if (training->max_tokens_per_microbatch() == 0) training->set_max_tokens_per_microbatch(kDefaultMicrobatchTokens);
  COHORT_RETURN_IF_ERROR(CheckPositive("updates_per_step", training->updates_per_step()));
  COHORT_RETURN_IF_ERROR(CheckPositive("world_size", training->world_size()));
  COHORT_RETURN_IF_ERROR(CheckPositive("max_tokens_per_microbatch", training->max_tokens_per_microbatch()));
  COHORT_RETURN_IF_ERROR(CheckNotNegative("max_sequence_tokens", training->max_sequence_tokens()));
  if (training->updates_per_step() > units_per_step) {
    return common::InvalidField("updates_per_step", absl::StrCat(training->updates_per_step()),
                                absl::StrCat("must not exceed the ", units_per_step, " groups of a step"));
  }
  if (training->world_size() > units_per_step) {
    return common::InvalidField("world_size", absl::StrCat(training->world_size()),
                                absl::StrCat("must not exceed the ", units_per_step, " groups of a step"));
  }
  return absl::OkStatus();
}

absl::Status ResolveObjectiveOf(cohort::v1::JobSpec* job) {
  COHORT_ASSIGN_OR_RETURN(*job->mutable_objective(),
                          objective::ResolveObjective(job->objective(), objective::ContextOfJob(*job)));
  return absl::OkStatus();
}

// A layer that is whole only while it is computed with is whole again in the backward pass.
absl::Status CheckSharding(const cohort::v1::JobSpec& job) {
  if (job.optimizer().sharding() != cohort::v1::OPTIMIZER_SHARDING_ZERO3 || job.training().recompute_activations()) {
    return absl::OkStatus();
  }
  return common::InvalidField("optimizer.sharding", "zero3", "needs training.recompute_activations: true");
}

absl::Status ResolveTrainingJob(cohort::v1::JobSpec* job) {
  if (job->has_rlvr()) COHORT_RETURN_IF_ERROR(ResolveRlvr(job->mutable_rlvr()));
  if (job->has_sft()) COHORT_RETURN_IF_ERROR(CheckSft(job->sft()));
  COHORT_RETURN_IF_ERROR(common::PrefixField(ResolveObjectiveOf(job), "objective"));
  COHORT_RETURN_IF_ERROR(common::PrefixField(ResolveOptimizer(job->mutable_optimizer()), "optimizer"));
  COHORT_RETURN_IF_ERROR(CheckSharding(*job));
  const int64_t units = job->has_sft() ? job->sft().sequences_per_step() : job->rlvr().rollout().groups_per_step();
  COHORT_RETURN_IF_ERROR(common::PrefixField(ResolveTraining(units, job->mutable_training()), "training"));
  if (job->has_evaluation()) {
    COHORT_RETURN_IF_ERROR(common::PrefixField(ResolveEvaluation(*job, job->mutable_evaluation()), "evaluation"));
  }
  return common::PrefixField(ResolveCheckpoint(job->evaluation(), job->mutable_checkpoint()), "checkpoint");
}

}  // namespace

absl::StatusOr<cohort::v1::JobSpec> ResolveJobSpec(const cohort::v1::JobSpec& spec) {
  if (spec.ByteSizeLong() > kMaxSpecBytes) {
    return common::InvalidField("spec", absl::StrCat(spec.ByteSizeLong(), " bytes"),
                                absl::StrCat("must be at most ", kMaxSpecBytes, " bytes"));
  }
  cohort::v1::JobSpec job = spec;
  if (job.kind_case() == cohort::v1::JobSpec::KIND_NOT_SET) {
    return common::InvalidField("rlvr", "", "a job needs one of rlvr, sft, eval and rescore");
  }
  if (!job.has_rescore()) COHORT_RETURN_IF_ERROR(ResolveModel(job.mutable_model()));
  const bool has_ranks = NeedsRanks(job);
  COHORT_RETURN_IF_ERROR(common::PrefixField(CheckScheduling(job.scheduling(), has_ranks), "scheduling"));
  COHORT_RETURN_IF_ERROR(common::PrefixField(CheckBudget(job.budget()), "budget"));
  COHORT_RETURN_IF_ERROR(has_ranks ? ResolveTrainingJob(&job) : ResolveUnrankedJob(&job));
  COHORT_RETURN_IF_ERROR(common::PrefixField(ResolveRetention(job.mutable_retention()), "retention"));
  return job;
}

}  // namespace cohort::coordinator
