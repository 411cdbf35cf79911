// SPDX-License-Identifier: Apache-2.0
#include "objective/objective_spec_check.h"

#include <cmath>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"

namespace cohort::objective {
namespace {

absl::Status CheckAtLeastZero(std::string_view field, bool is_set, double value) {
  if (!is_set || (std::isfinite(value) && value >= 0)) return absl::OkStatus();
  return common::InvalidField(field, absl::StrCat(value), "must be a number of at least 0");
}

absl::Status CheckReduction(std::string_view field, cohort::v1::LossReduction reduction) {
  if (cohort::v1::LossReduction_IsValid(reduction)) return absl::OkStatus();
  return common::InvalidField(field, absl::StrCat(static_cast<int>(reduction)), "not a known loss reduction");
}

absl::Status CheckGrpo(const cohort::v1::GrpoObjective& grpo) {
  COHORT_RETURN_IF_ERROR(CheckAtLeastZero("grpo.clip_low", grpo.has_clip_low(), grpo.clip_low()));
  if (grpo.clip_low() >= 1) {
    return common::InvalidField("grpo.clip_low", absl::StrCat(grpo.clip_low()), "must be below 1");
  }
  COHORT_RETURN_IF_ERROR(CheckAtLeastZero("grpo.clip_high", grpo.has_clip_high(), grpo.clip_high()));
  COHORT_RETURN_IF_ERROR(
      CheckAtLeastZero("grpo.advantage_epsilon", grpo.has_advantage_epsilon(), grpo.advantage_epsilon()));
  if (!cohort::v1::AdvantageScale_IsValid(grpo.advantage_scale())) {
    return common::InvalidField("grpo.advantage_scale", absl::StrCat(static_cast<int>(grpo.advantage_scale())),
                                "not a known advantage scale");
  }
  return CheckReduction("grpo.loss_reduction", grpo.loss_reduction());
}

}  // namespace

absl::Status CheckObjectiveSpec(const cohort::v1::ObjectiveSpec& spec) {
  switch (spec.objective_case()) {
    case cohort::v1::ObjectiveSpec::kGrpo:
      return CheckGrpo(spec.grpo());
    case cohort::v1::ObjectiveSpec::kSft:
      return CheckReduction("sft.loss_reduction", spec.sft().loss_reduction());
    case cohort::v1::ObjectiveSpec::OBJECTIVE_NOT_SET:
      break;
  }
  return common::InvalidField("objective", "", "one of grpo, sft is required");
}

}  // namespace cohort::objective
