// SPDX-License-Identifier: Apache-2.0
#include "coordinator/resource_meter.h"

#include <google/protobuf/util/time_util.h>

#include "absl/strings/str_cat.h"

namespace cohort::coordinator {

using google::protobuf::util::TimeUtil;

void ResourceMeter::Charge(const HeldResources& held, absl::Duration now) {
  const absl::Duration elapsed = now - charged_until_;
  charged_until_ = now;
  const auto num_held = static_cast<double>(held.num_ranks + held.num_workers);
  use_.set_device_seconds(use_.device_seconds() + num_held * absl::ToDoubleSeconds(elapsed));
  if (!held.is_running) return;
  const int64_t wall_time = TimeUtil::DurationToNanoseconds(use_.wall_time()) + absl::ToInt64Nanoseconds(elapsed);
  *use_.mutable_wall_time() = TimeUtil::NanosecondsToDuration(wall_time);
}

std::optional<std::string> SpentBudget(const cohort::v1::BudgetSpec& budget, const cohort::v1::ResourceUse& use,
                                       const cohort::v1::ResourceUse& at_resume) {
  const double device_seconds = use.device_seconds() - at_resume.device_seconds();
  if (budget.device_seconds() > 0 && device_seconds >= budget.device_seconds()) {
    return absl::StrCat("budget.device_seconds is spent (", device_seconds, " of ", budget.device_seconds(), ")");
  }
  const int64_t tokens = use.tokens() - at_resume.tokens();
  if (budget.tokens() > 0 && tokens >= budget.tokens()) {
    return absl::StrCat("budget.tokens is spent (", tokens, " of ", budget.tokens(), ")");
  }
  const int64_t limit = TimeUtil::DurationToNanoseconds(budget.wall_time());
  const int64_t wall_time =
      TimeUtil::DurationToNanoseconds(use.wall_time()) - TimeUtil::DurationToNanoseconds(at_resume.wall_time());
  if (limit > 0 && wall_time >= limit) {
    return absl::StrCat("budget.wall_time is spent (", absl::FormatDuration(absl::Nanoseconds(wall_time)), " of ",
                        absl::FormatDuration(absl::Nanoseconds(limit)), ")");
  }
  return std::nullopt;
}

}  // namespace cohort::coordinator
