// SPDX-License-Identifier: Apache-2.0
#include "coordinator/optimizer_validation.h"

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/field_check.h"

namespace cohort::coordinator {
namespace {

absl::Status CheckBeta(std::string_view field, double beta) {
  if (beta >= 0 && beta < 1) return absl::OkStatus();
  return common::InvalidField(field, absl::StrCat(beta), "must be at least 0 and less than 1");
}

}  // namespace

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
  if (!cohort::v1::OptimizerSharding_IsValid(optimizer->sharding())) {
    return common::InvalidField("sharding", absl::StrCat(optimizer->sharding()), "is not known");
  }
  if (optimizer->sharding() == cohort::v1::OPTIMIZER_SHARDING_UNSPECIFIED) {
    optimizer->set_sharding(cohort::v1::OPTIMIZER_SHARDING_NONE);
  }
  return CheckNotNegative("warmup_updates", optimizer->warmup_updates());
}

}  // namespace cohort::coordinator
