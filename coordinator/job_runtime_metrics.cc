// SPDX-License-Identifier: Apache-2.0
// What /metrics says of a job, besides what is counted where it happens.
#include <utility>

#include "coordinator/job_runtime.h"

namespace cohort::coordinator {
namespace {

// What changes slowly is told less often than the job is ticked.
constexpr absl::Duration kSlowReport = absl::Seconds(10);

bool CrossesReport(absl::Duration before, absl::Duration now) {
  return absl::Floor(before, kSlowReport) != absl::Floor(now, kSlowReport);
}

}  // namespace

void JobRuntime::ReportMetrics() {
  CoordinatorMetrics& metrics = *context_->metrics;
  const absl::Duration now = context_->clock->Monotonic();
  const absl::Duration before = std::exchange(last_tick_, now);
  // It may not be ticked again.
  const bool has_ended = HasEnded(ledger_->job().state());
  if (!has_ended) metrics.JobWaitSeconds(name_, Describe().kind).Increment(absl::ToDoubleSeconds(now - before));
  if (has_ended || CrossesReport(before, now)) {
    metrics.training().ObserveUse(ledger_->job(), ledger_->meter().use());
    const bool has_trouble = !vitals_.store().text().empty() || !vitals_.rollout_log().text().empty();
    metrics.StorageTrouble(name_).Set(has_trouble ? 1 : 0);
    if (groups_ != nullptr) metrics.SealedVersion(name_).Set(static_cast<double>(versions_.NewestSealed()));
  }
  if (groups_ == nullptr) return;
  const std::pair<const char*, GroupState> states[] = {{"waiting", GroupState::kWaiting},
                                                       {"in_flight", GroupState::kInFlight},
                                                       {"scored", GroupState::kScored},
                                                       {"planned", GroupState::kPlanned}};
  for (const auto& [state, number] : states) {
    const auto count = has_ended ? 0 : static_cast<double>(groups_->buffer().NumInState(number));
    metrics.GroupsInState(name_, state).Set(count);
  }
}

}  // namespace cohort::coordinator
