// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_ledger.h"

#include <google/protobuf/util/time_util.h>

#include <cstddef>
#include <utility>

#include "absl/time/time.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "coordinator/storage_trouble.h"

namespace cohort::coordinator {
namespace {

constexpr absl::Duration kSlowWrite = absl::Seconds(1);
constexpr size_t kEventsPerRead = 200;

}  // namespace

JobLedger::JobLedger(JobRecord record, std::string_view checkpoint_root, JobStore* store, common::Clock* clock,
                     ChangeSignal* events_signal, common::FileSystem* files)
    : record_(std::move(record)),
      run_folder_(files, checkpoint_root, record_.job.name()),
      store_(store),
      clock_(clock),
      events_signal_(events_signal),
      meter_(record_.job.use(), clock->Monotonic()) {}

absl::StatusOr<std::vector<cohort::v1::JobEvent>> JobLedger::ReadEvents(JobStore* store, const std::string& job) {
  std::vector<cohort::v1::JobEvent> events;
  for (bool is_end = false; !is_end;) {
    const int64_t after = events.empty() ? 0 : events.back().sequence();
    COHORT_ASSIGN_OR_RETURN(auto page, store->ListEvents(job, after, kEventsPerRead));
    is_end = page.size() < kEventsPerRead;
    for (cohort::v1::JobEvent& event : page) {
      if (event.has_step()) event.mutable_step()->clear_timings();
      events.push_back(std::move(event));
    }
  }
  return events;
}

std::unique_ptr<JobLedger> JobLedger::Load(JobRecord record, const std::vector<cohort::v1::JobEvent>& events,
                                           std::string_view checkpoint_root, JobStore* store, common::Clock* clock,
                                           ChangeSignal* events_signal, common::FileSystem* files) {
  std::unique_ptr<JobLedger> ledger(
      new JobLedger(std::move(record), checkpoint_root, store, clock, events_signal, files));
  if (!events.empty()) ledger->next_sequence_ = events.back().sequence() + 1;
  const absl::Status restored = ledger->run_folder_.Restore(events);
  ledger->is_run_folder_behind_ = !restored.ok();
  if (!restored.ok()) log::Warning("run_folder", {{"job", ledger->name()}, {"error", restored}});
  return ledger;
}

std::unique_ptr<JobLedger> JobLedger::Begin(JobRecord record, std::string_view checkpoint_root, JobStore* store,
                                            common::Clock* clock, ChangeSignal* events_signal,
                                            common::FileSystem* files) {
  std::unique_ptr<JobLedger> ledger(
      new JobLedger(std::move(record), checkpoint_root, store, clock, events_signal, files));
  ledger->next_sequence_ = 2;
  // Of a former job of this name. The first event has no line.
  if (ledger->run_folder_.HasLines()) ledger->is_run_folder_behind_ = !ledger->run_folder_.Restore({}).ok();
  return ledger;
}

absl::Status JobLedger::Write(JobRecord next, JobChange change) {
  const auto now = google::protobuf::util::TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(clock_->Now()));
  *next.job.mutable_update_time() = now;
  *next.job.mutable_use() = meter_.use();
  next.job.set_incarnation(next.incarnation);
  const bool is_new_state = next.job.state() != record_.job.state();
  if (is_new_state && HasEnded(next.job.state())) *next.job.mutable_end_time() = now;
  if (is_new_state) *change.events.emplace_back().mutable_state_changed() = next.job;
  int64_t sequence = next_sequence_;
  for (cohort::v1::JobEvent& event : change.events) {
    event.set_sequence(sequence++);
    *event.mutable_time() = now;
  }
  change.job = next;
  const absl::Duration begin = clock_->Monotonic();
  const absl::Status stored = store_->Apply(name(), change);
  const absl::Duration elapsed = clock_->Monotonic() - begin;
  if (elapsed > kSlowWrite) stalled_time_ += elapsed;
  if (!stored.ok()) return StorageTrouble("store what changes", stored);
  if (is_new_state) {
    log::Info(
        "job_state",
        {{"job", name()}, {"state", cohort::v1::JobState_Name(next.job.state())}, {"reason", next.job.state_reason()}});
  }
  record_ = std::move(next);
  next_sequence_ = sequence;
  UpdateRunFolder(change.events);
  for (const cohort::v1::JobEvent& event : change.events) {
    if (watcher_) watcher_(event);
  }
  if (!change.events.empty()) events_signal_->Notify();
  return absl::OkStatus();
}

absl::Duration JobLedger::TakeStalledTime() { return std::exchange(stalled_time_, absl::ZeroDuration()); }

void JobLedger::UpdateRunFolder(const std::vector<cohort::v1::JobEvent>& events) {
  if (events.empty()) return;
  absl::Status status;
  if (is_run_folder_behind_) {
    const auto all = ReadEvents(store_, name());
    status = all.ok() ? run_folder_.Restore(*all) : all.status();
  } else {
    status = run_folder_.Append(events);
  }
  // The events are stored: the file is made anew from them.
  if (!status.ok() && !is_run_folder_behind_) log::Warning("run_folder", {{"job", name()}, {"error", status}});
  is_run_folder_behind_ = !status.ok();
}

absl::Status JobLedger::Write(JobChange change) { return Write(record_, std::move(change)); }

}  // namespace cohort::coordinator
