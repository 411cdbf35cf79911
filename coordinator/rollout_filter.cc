// SPDX-License-Identifier: Apache-2.0
#include "coordinator/rollout_filter.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"

namespace cohort::coordinator {
namespace {

bool IsVerdictSelected(cohort::v1::ScoreOutcome outcome, double reward, const cohort::v1::RolloutFilter& filter) {
  const bool is_any = filter.outcome() == cohort::v1::SCORE_OUTCOME_UNSPECIFIED;
  if (!is_any && outcome != filter.outcome()) return false;
  if (!filter.has_min_reward() && !filter.has_max_reward()) return true;
  if (outcome == cohort::v1::SCORE_OUTCOME_NO_VERDICT) return false;
  return (!filter.has_min_reward() || reward >= filter.min_reward()) &&
         (!filter.has_max_reward() || reward <= filter.max_reward());
}

absl::Status CheckNumber(const char* field, bool is_set, int64_t value) {
  if (!is_set || value >= 0) return absl::OkStatus();
  return common::InvalidField(field, absl::StrCat(value), "must not be negative");
}

absl::Status CheckBound(const char* field, bool is_set, double value) {
  if (!is_set || std::isfinite(value)) return absl::OkStatus();
  return common::InvalidField(field, absl::StrCat(value), "must be a number");
}

}  // namespace

absl::Status CheckRolloutFilter(const cohort::v1::RolloutFilter& filter) {
  COHORT_RETURN_IF_ERROR(CheckNumber("first_step", filter.has_first_step(), filter.first_step()));
  COHORT_RETURN_IF_ERROR(CheckNumber("last_step", filter.has_last_step(), filter.last_step()));
  COHORT_RETURN_IF_ERROR(CheckNumber("problem_id", filter.has_problem_id(), filter.problem_id()));
  COHORT_RETURN_IF_ERROR(CheckBound("min_reward", filter.has_min_reward(), filter.min_reward()));
  COHORT_RETURN_IF_ERROR(CheckBound("max_reward", filter.has_max_reward(), filter.max_reward()));
  if (filter.has_first_step() && filter.has_last_step() && filter.last_step() < filter.first_step()) {
    return common::InvalidField("last_step", absl::StrCat(filter.last_step()), "must not be below first_step");
  }
  if (filter.has_min_reward() && filter.has_max_reward() && filter.max_reward() < filter.min_reward()) {
    return common::InvalidField("max_reward", absl::StrCat(filter.max_reward()), "must not be below min_reward");
  }
  if (!cohort::v1::GroupPurpose_IsValid(filter.purpose())) {
    return common::InvalidField("purpose", absl::StrCat(filter.purpose()), "is no purpose of a group");
  }
  if (!cohort::v1::ScoreOutcome_IsValid(filter.outcome())) {
    return common::InvalidField("outcome", absl::StrCat(filter.outcome()), "is no outcome of a completion");
  }
  return absl::OkStatus();
}

bool IsSelected(const cohort::v1::Rollout& rollout, const cohort::v1::RolloutFilter& filter) {
  return IsVerdictSelected(rollout.outcome(), rollout.reward(), filter);
}

bool HasSelected(const GroupOutcome& outcome, const cohort::v1::RolloutFilter& filter) {
  const int num_completions = std::min(outcome.planned.outcomes_size(), outcome.planned.rewards_size());
  for (int i = 0; i < num_completions; ++i) {
    if (IsVerdictSelected(outcome.planned.outcomes(i), outcome.planned.rewards(i), filter)) return true;
  }
  return false;
}

}  // namespace cohort::coordinator
