// SPDX-License-Identifier: Apache-2.0
#include "coordinator/objective_validation.h"

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/field_check.h"

namespace cohort::coordinator {
namespace {

absl::StatusOr<cohort::v1::LossReduction> ResolveReduction(cohort::v1::LossReduction reduction) {
  if (reduction == cohort::v1::LOSS_REDUCTION_UNSPECIFIED) return cohort::v1::LOSS_REDUCTION_TOKEN_MEAN;
  if (cohort::v1::LossReduction_IsValid(reduction)) return reduction;
  return common::InvalidField("loss_reduction", absl::StrCat(reduction), "is not known");
}

absl::Status ResolveGrpo(cohort::v1::GrpoObjective* grpo) {
  if (!grpo->has_clip_low()) grpo->set_clip_low(0.2);
  if (!grpo->has_clip_high()) grpo->set_clip_high(grpo->clip_low());
  if (!(grpo->clip_low() > 0 && grpo->clip_low() < 1)) {
    return common::InvalidField("clip_low", absl::StrCat(grpo->clip_low()), "must be between 0 and 1");
  }
  COHORT_RETURN_IF_ERROR(CheckPositive("clip_high", grpo->clip_high()));
  COHORT_ASSIGN_OR_RETURN(const auto reduction, ResolveReduction(grpo->loss_reduction()));
  grpo->set_loss_reduction(reduction);
  if (!cohort::v1::AdvantageScale_IsValid(grpo->advantage_scale())) {
    return common::InvalidField("advantage_scale", absl::StrCat(grpo->advantage_scale()), "is not known");
  }
  if (grpo->advantage_scale() == cohort::v1::ADVANTAGE_SCALE_UNSPECIFIED) {
    grpo->set_advantage_scale(cohort::v1::ADVANTAGE_SCALE_GROUP_STD);
  }
  if (!grpo->has_advantage_epsilon()) grpo->set_advantage_epsilon(1e-6);
  return CheckNotNegative("advantage_epsilon", grpo->advantage_epsilon());
}

absl::Status CheckBeta(std::string_view field, double beta) {
  if (beta >= 0 && beta < 1) return absl::OkStatus();
  return common::InvalidField(field, absl::StrCat(beta), "must be at least 0 and less than 1");
}

}  // namespace

absl::Status ResolveObjective(bool is_sft_job, cohort::v1::ObjectiveSpec* objective) {
  if (objective->objective_case() == cohort::v1::ObjectiveSpec::OBJECTIVE_NOT_SET) {
    if (is_sft_job) {
      objective->mutable_sft();
    } else {
      objective->mutable_grpo();
    }
  }
  if (objective->has_sft() != is_sft_job) {
    return common::InvalidField("", objective->has_sft() ? "sft" : "grpo",
                                is_sft_job ? "a job with sft data needs the objective sft"
                                           : "a job with rlvr data needs an objective for rollouts");
  }
  if (objective->has_grpo()) return common::PrefixField(ResolveGrpo(objective->mutable_grpo()), "grpo");
  const auto reduction = ResolveReduction(objective->sft().loss_reduction());
  if (!reduction.ok()) return common::PrefixField(reduction.status(), "sft");
  objective->mutable_sft()->set_loss_reduction(*reduction);
  return absl::OkStatus();
}

bool IsGroupRelative(const cohort::v1::ObjectiveSpec& objective) { return objective.has_grpo(); }

absl::Status ResolveOptimizer(cohort::v1::OptimizerSpec* optimizer) {
  COHORT_RETURN_IF_ERROR(CheckPositive("learning_rate", optimizer->learning_rate()));
  if (!optimizer->has_beta1()) optimizer->set_beta1(0.9);
  if (!optimizer->has_beta2()) optimizer->set_beta2(0.999);
  if (!optimizer->has_epsilon()) optimizer->set_epsilon(1e-8);
  if (!optimizer->has_max_gradient_norm()) optimizer->set_max_gradient_norm(1);
  COHORT_RETURN_IF_ERROR(CheckBeta("beta1", optimizer->beta1()));
  COHORT_RETURN_IF_ERROR(CheckBeta("beta2", optimizer->beta2()));
  COHORT_RETURN_IF_ERROR(CheckPositive("epsilon", optimizer->epsilon()));
  COHORT_RETURN_IF_ERROR(CheckNotNegative("weight_decay", optimizer->weight_decay()));
  COHORT_RETURN_IF_ERROR(CheckNotNegative("max_gradient_norm", optimizer->max_gradient_norm()));
  if (!cohort::v1::LearningRateSchedule_IsValid(optimizer->schedule())) {
    return common::InvalidField("schedule", absl::StrCat(optimizer->schedule()), "is not known");
  }
  if (optimizer->schedule() == cohort::v1::LEARNING_RATE_SCHEDULE_UNSPECIFIED) {
    optimizer->set_schedule(cohort::v1::LEARNING_RATE_SCHEDULE_CONSTANT);
  }
  return CheckNotNegative("warmup_updates", optimizer->warmup_updates());
}

}  // namespace cohort::coordinator
