// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_RESOURCE_METER_H_
#define COHORT_COORDINATOR_RESOURCE_METER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

// What a job holds at a moment.
struct HeldResources {
  int64_t num_ranks = 0;
  int64_t num_workers = 0;  // with leases
  bool is_running = false;  // in state RUNNING
};

// Adds up what one job uses. Time is what the caller's monotonic clock says, so jumps of the wall clock do not count,
// nor does time in which the coordinator was down. Not thread-safe: guarded by its owner.
class ResourceMeter final {
 public:
  // Goes on from what was stored.
  ResourceMeter(cohort::v1::ResourceUse stored, absl::Duration now) : use_(std::move(stored)), charged_until_(now) {}

  // `held` has been held since the last call. To be called before it changes.
  void Charge(const HeldResources& held, absl::Duration now);
  void AddTokens(int64_t count) { use_.set_tokens(use_.tokens() + count); }
  const cohort::v1::ResourceUse& use() const { return use_; }

 private:
  cohort::v1::ResourceUse use_;
  absl::Duration charged_until_;
};

// Which budget is spent, one phrase; nullopt while none is. `at_resume`: the use from which the budget counts.
std::optional<std::string> SpentBudget(const cohort::v1::BudgetSpec& budget, const cohort::v1::ResourceUse& use,
                                       const cohort::v1::ResourceUse& at_resume);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_RESOURCE_METER_H_
