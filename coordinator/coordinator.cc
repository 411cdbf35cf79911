// SPDX-License-Identifier: Apache-2.0
#include "coordinator/coordinator.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "coordinator/sqlite_job_store.h"

namespace cohort::coordinator {
namespace {

constexpr absl::Duration kStallThreshold = absl::Seconds(30);
// Workers are forgotten after this many lease durations: a long claim is no silence.
constexpr int kSilenceFactor = 3;
// A tick that comes so late finds a process that was stopped, not workers and ranks that were silent.
constexpr absl::Duration kLateTick = absl::Seconds(5);

std::string Absolute(const std::string& path) {
  return std::filesystem::absolute(path.empty() ? "." : path).lexically_normal().string();
}

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  return error ? absl::UnavailableError(absl::StrCat(path, ": cannot create: ", error.message())) : absl::OkStatus();
}

}  // namespace

Coordinator::Coordinator(const CoordinatorOptions& options, common::Clock* clock, prometheus::Registry* registry)
    : metrics_(registry),
      workers_(std::max(options.lease_duration * kSilenceFactor, absl::Seconds(60))),
      stalls_(kStallThreshold, &metrics_) {
  context_ = {.clock = clock,
              .metrics = &metrics_,
              .workers = &workers_,
              .groups_signal = &groups_signal_,
              .plans_signal = &plans_signal_,
              .events_signal = &events_signal_,
              .lease_duration = options.lease_duration,
              .data_root = Absolute(options.data_root),
              .model_root = Absolute(options.model_root),
              .checkpoint_root = Absolute(options.checkpoint_root)};
}

absl::StatusOr<std::unique_ptr<Coordinator>> Coordinator::Open(const CoordinatorOptions& options,
                                                               PreflightCheck preflight, common::Clock* clock,
                                                               prometheus::Registry* registry) {
  std::unique_ptr<Coordinator> self(new Coordinator(options, clock, registry));
  const std::string data_dir = Absolute(options.data_dir);
  COHORT_RETURN_IF_ERROR(MakeFolder(data_dir));
  COHORT_RETURN_IF_ERROR(MakeFolder(self->context_.checkpoint_root));
  COHORT_ASSIGN_OR_RETURN(self->store_, OpenSqliteJobStore(data_dir + "/coordinator.sqlite"));
  COHORT_ASSIGN_OR_RETURN(const auto end_of_log, self->store_->EndOfLog());
  self->context_.rollout_log_directory = data_dir + "/rollouts";
  COHORT_ASSIGN_OR_RETURN(self->log_, rollout_log::RolloutLog::Open(self->context_.rollout_log_directory, end_of_log));
  self->context_.store = self->store_.get();
  self->context_.log = self->log_.get();
  COHORT_ASSIGN_OR_RETURN(self->context_.epoch, self->store_->BeginEpoch());
  COHORT_ASSIGN_OR_RETURN(self->directory_, JobDirectory::Open(&self->context_, std::move(preflight)));
  self->gangs_ = std::make_unique<GangAssembly>(&self->context_, self->directory_.get());
  self->rollouts_ = std::make_unique<RolloutDispatch>(&self->context_, self->directory_.get());
  log::Info("coordinator_open", {{"epoch", self->context_.epoch},
                                 {"data_dir", data_dir},
                                 {"unfinished_jobs", self->directory_->Runtimes().size()}});
  if (options.tick_interval > absl::ZeroDuration()) {
    self->ticker_ = std::thread(&Coordinator::TickUntilStopped, self.get(), options.tick_interval);
  }
  return self;
}

Coordinator::~Coordinator() {
  EndPolls();
  if (ticker_.joinable()) {
    stop_ticking_.Notify();
    ticker_.join();
  }
}

void Coordinator::Tick() {
  const absl::Duration now = context_.clock->Monotonic();
  std::set<std::string> jobs;
  for (const auto& runtime : directory_->Runtimes()) {
    runtime->Tick();
    const std::string job = runtime->Snapshot().job.name();
    jobs.insert(job);
    stalls_.Observe(job, runtime->Waiting(), now);
  }
  stalls_.Keep(jobs);
  gangs_->Tick();
  directory_->Reap();
  workers_.ForgetSilent(now);
  if (workers_.TakeEndedPauses(now)) groups_signal_.Notify();
  metrics_.JobsUnfinished().Set(static_cast<double>(jobs.size()));
  metrics_.WorkersRegistered().Set(static_cast<double>(workers_.NumWorkers()));
  metrics_.WorkersSetAside().Set(static_cast<double>(workers_.NumSetAside()));
  metrics_.ProcessorKinds().Set(static_cast<double>(workers_.NumProcessorKinds()));
  metrics_.LearnersWaiting().Set(static_cast<double>(gangs_->NumWaiting()));
}

bool Coordinator::Drain(absl::Duration grace) {
  gangs_->Drain("the coordinator was asked to terminate");
  const absl::Time deadline = absl::Now() + grace;
  for (int64_t seen = plans_signal_.count(); !gangs_->IsDrained(); seen = plans_signal_.count()) {
    // A stop that was handed out moves no signal: look again after a while.
    const absl::Time next_look = std::min(deadline, absl::Now() + absl::Milliseconds(100));
    plans_signal_.WaitBeyond(seen, next_look, [] { return false; });
    if (absl::Now() >= deadline) return gangs_->IsDrained();
  }
  return true;
}

void Coordinator::EndPolls() {
  groups_signal_.Close();
  plans_signal_.Close();
  events_signal_.Close();
}

void Coordinator::TickUntilStopped(absl::Duration interval) {
  absl::Duration last = context_.clock->Monotonic();
  while (!stop_ticking_.WaitForNotificationWithTimeout(interval)) {
    const absl::Duration begin = context_.clock->Monotonic();
    // What they sent meanwhile waits in the sockets: hear it before calling anybody silent.
    const bool is_late = begin - last > interval + kLateTick;
    if (is_late) log::Warning("ticks_missed", {{"seconds", absl::ToDoubleSeconds(begin - last)}});
    if (!is_late) Tick();
    last = context_.clock->Monotonic();
  }
}

}  // namespace cohort::coordinator
