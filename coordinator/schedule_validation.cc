// SPDX-License-Identifier: Apache-2.0
#include "coordinator/schedule_validation.h"

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/field_check.h"
#include "coordinator/rollout_schedule.h"

namespace cohort::coordinator {
namespace {

constexpr int32_t kMaxLag = 64;

}  // namespace

absl::Status ResolveSchedule(cohort::v1::RolloutSpec* rollout) {
  COHORT_RETURN_IF_ERROR(CheckRange("fixed_lag", rollout->fixed_lag(), 0, kMaxLag));
  COHORT_RETURN_IF_ERROR(CheckRange("max_lag", rollout->max_lag(), 0, kMaxLag));
  if (rollout->has_max_lag() && rollout->fixed_lag() != 0) {
    return common::InvalidField(
        "max_lag", absl::StrCat(rollout->max_lag()),
        absl::StrCat("is another schedule than fixed_lag (", rollout->fixed_lag(), "): set one of the two"));
  }
  rollout->set_max_errored_share(MaxErroredShare(*rollout));
  return CheckRange("max_errored_share", rollout->max_errored_share(), 0.0, 1.0);
}

}  // namespace cohort::coordinator
