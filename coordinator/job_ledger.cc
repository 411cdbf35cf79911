// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_ledger.h"

#include <google/protobuf/util/time_util.h>

#include <limits>
#include <utility>

#include "absl/time/time.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"

namespace cohort::coordinator {

bool HasEnded(cohort::v1::JobState state) {
  return state == cohort::v1::JOB_STATE_CANCELLED || state == cohort::v1::JOB_STATE_SUCCEEDED ||
         state == cohort::v1::JOB_STATE_FAILED;
}

JobLedger::JobLedger(JobRecord record, std::string_view checkpoint_root, JobStore* store, common::Clock* clock,
                     ChangeSignal* events_signal)
    : record_(std::move(record)),
      run_folder_(checkpoint_root, record_.job.name()),
      store_(store),
      clock_(clock),
      events_signal_(events_signal) {}

absl::StatusOr<std::unique_ptr<JobLedger>> JobLedger::Load(JobRecord record, std::string_view checkpoint_root,
                                                           JobStore* store, common::Clock* clock,
                                                           ChangeSignal* events_signal) {
  std::unique_ptr<JobLedger> ledger(new JobLedger(std::move(record), checkpoint_root, store, clock, events_signal));
  COHORT_ASSIGN_OR_RETURN(const auto events,
                          store->ListEvents(ledger->name(), /*after=*/0, std::numeric_limits<int>::max()));
  if (!events.empty()) ledger->next_sequence_ = events.back().sequence() + 1;
  COHORT_RETURN_IF_ERROR(ledger->run_folder_.Restore(events));
  return ledger;
}

absl::Status JobLedger::Write(JobRecord next, JobChange change) {
  const auto now = google::protobuf::util::TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(clock_->Now()));
  *next.job.mutable_update_time() = now;
  const bool is_new_state = next.job.state() != record_.job.state();
  if (is_new_state && HasEnded(next.job.state())) *next.job.mutable_end_time() = now;
  if (is_new_state) *change.events.emplace_back().mutable_state_changed() = next.job;
  int64_t sequence = next_sequence_;
  for (cohort::v1::JobEvent& event : change.events) {
    event.set_sequence(sequence++);
    *event.mutable_time() = now;
  }
  change.job = next;
  COHORT_RETURN_IF_ERROR(store_->Apply(name(), change));
  if (is_new_state) {
    log::Info(
        "job_state",
        {{"job", name()}, {"state", cohort::v1::JobState_Name(next.job.state())}, {"reason", next.job.state_reason()}});
  }
  record_ = std::move(next);
  next_sequence_ = sequence;
  const absl::Status appended = run_folder_.Append(change.events);
  // The events are stored; the file is restored from them at the next start.
  if (!appended.ok()) log::Warning("metrics_file", {{"job", name()}, {"error", appended}});
  if (!change.events.empty()) events_signal_->Notify();
  return absl::OkStatus();
}

absl::Status JobLedger::Write(JobChange change) { return Write(record_, std::move(change)); }

}  // namespace cohort::coordinator
