// SPDX-License-Identifier: Apache-2.0
#include "coordinator/scheduling_validation.h"

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/field_check.h"

namespace cohort::coordinator {
namespace {

constexpr int32_t kHighestPriority = 1000;
// As many as a coordinator registers.
constexpr int32_t kMaxWorkers = 16384;

absl::Status CheckDevice(const cohort::v1::DeviceRequirement& requirement) {
  const std::string& device = requirement.device();
  if (!device.empty() && device != "cpu" && device != "cuda") {
    return common::InvalidField("device", device, "must be cpu or cuda, or empty for any");
  }
  return CheckNotNegative("min_memory_bytes", requirement.min_memory_bytes());
}

}  // namespace

absl::Status CheckScheduling(const cohort::v1::SchedulingSpec& scheduling, bool has_ranks) {
  COHORT_RETURN_IF_ERROR(CheckRange("priority", scheduling.priority(), -kHighestPriority, kHighestPriority));
  COHORT_RETURN_IF_ERROR(CheckRange("min_workers", scheduling.min_workers(), 0, kMaxWorkers));
  COHORT_RETURN_IF_ERROR(CheckRange("max_workers", scheduling.max_workers(), 0, kMaxWorkers));
  if (scheduling.max_workers() > 0 && scheduling.min_workers() > scheduling.max_workers()) {
    return common::InvalidField("min_workers", absl::StrCat(scheduling.min_workers()),
                                absl::StrCat("must be at most max_workers, ", scheduling.max_workers()));
  }
  COHORT_RETURN_IF_ERROR(common::PrefixField(CheckDevice(scheduling.worker()), "worker"));
  COHORT_RETURN_IF_ERROR(common::PrefixField(CheckDevice(scheduling.rank()), "rank"));
  if (!has_ranks && scheduling.has_rank()) {
    return common::InvalidField("rank", "", "a job of this kind has no learner ranks");
  }
  return absl::OkStatus();
}

absl::Status CheckBudget(const cohort::v1::BudgetSpec& budget) {
  COHORT_RETURN_IF_ERROR(CheckNotNegative("device_seconds", budget.device_seconds()));
  COHORT_RETURN_IF_ERROR(CheckNotNegative("tokens", budget.tokens()));
  const auto& wall_time = budget.wall_time();
  return CheckNotNegative("wall_time", static_cast<double>(wall_time.seconds()) + 1e-9 * wall_time.nanos());
}

}  // namespace cohort::coordinator
