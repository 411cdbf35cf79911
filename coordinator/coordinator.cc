// SPDX-License-Identifier: Apache-2.0
#include "coordinator/coordinator.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <system_error>
#include <thread>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "coordinator/segment_cleanup.h"
#include "coordinator/sqlite_job_store.h"

namespace cohort::coordinator {
namespace {

// Workers are forgotten after this many lease durations: a long claim is no silence.
constexpr int kSilenceFactor = 3;
// Segments of the rollout log are looked through this often, and so many deleted at a time.
constexpr absl::Duration kCleanupInterval = absl::Seconds(30);
constexpr int64_t kSegmentsPerCleanup = 16;
// A tick that comes so late finds a process that was stopped, not workers and ranks that were silent.
constexpr absl::Duration kLateTick = absl::Seconds(5);
// How soon after its end a lease is found to have run out.
constexpr absl::Duration kLeaseCheck = absl::Milliseconds(50);

std::string Absolute(const std::string& path) {
  return std::filesystem::absolute(path.empty() ? "." : path).lexically_normal().string();
}

}  // namespace

Coordinator::Coordinator(const CoordinatorOptions& options, common::Clock* clock, prometheus::Registry* registry)
    : metrics_(registry),
      workers_(std::max(options.lease_duration * kSilenceFactor, absl::Seconds(60))),
      browser_(&context_),
      upload_sweep_(&context_),
      stalls_(kStallThreshold, &metrics_) {
  context_ = {.clock = clock,
              .files = options.files,
              .metrics = &metrics_,
              .workers = &workers_,
              .groups_signal = &groups_signal_,
              .plans_signal = &plans_signal_,
              .events_signal = &events_signal_,
              .logs_signal = &logs_signal_,
              .lease_duration = options.lease_duration,
              .limits = options.limits,
              .data_root = Absolute(options.data_root),
              .model_root = Absolute(options.model_root),
              .checkpoint_root = Absolute(options.checkpoint_root),
              .stop_limit = options.stop_limit};
}

absl::StatusOr<std::unique_ptr<Coordinator>> Coordinator::Open(const CoordinatorOptions& options,
                                                               PreflightCheck preflight, common::Clock* clock,
                                                               prometheus::Registry* registry) {
  std::unique_ptr<Coordinator> self(new Coordinator(options, clock, registry));
  const std::string data_dir = Absolute(options.data_dir);
  self->data_dir_ = data_dir;
  COHORT_RETURN_IF_ERROR(options.files->MakeFolders(data_dir));
  COHORT_RETURN_IF_ERROR(options.files->MakeFolders(self->context_.checkpoint_root));
  COHORT_ASSIGN_OR_RETURN(self->store_,
                          OpenSqliteJobStore(data_dir + "/coordinator.sqlite", options.files, options.sqlite_vfs));
  COHORT_ASSIGN_OR_RETURN(const auto end_of_log, self->store_->EndOfLog());
  self->context_.rollout_log_directory = data_dir + "/rollouts";
  COHORT_ASSIGN_OR_RETURN(self->log_,
                          rollout_log::RolloutLog::Open(self->context_.rollout_log_directory, end_of_log,
                                                        rollout_log::kDefaultMaxSegmentBytes, options.files));
  COHORT_ASSIGN_OR_RETURN(self->datasets_,
                          DatasetStore::Open(data_dir + "/datasets", options.max_upload_bytes, self->context_.clock));
  COHORT_ASSIGN_OR_RETURN(self->row_indices_,
                          RowIndexStore::Open(data_dir + "/dataset_index", clock, self->context_.dataset_files));
  self->context_.row_indices = self->row_indices_.get();
  self->context_.store = self->store_.get();
  self->context_.datasets = self->datasets_.get();
  self->context_.log = self->log_.get();
  COHORT_ASSIGN_OR_RETURN(self->context_.epoch, self->store_->BeginEpoch());
  self->CollectLogs(options.listens_to_log);
  COHORT_ASSIGN_OR_RETURN(self->directory_, JobDirectory::Open(&self->context_, std::move(preflight)));
  self->gangs_ = std::make_unique<GangAssembly>(&self->context_, self->directory_.get());
  self->rollouts_ = std::make_unique<RolloutDispatch>(&self->context_, self->directory_.get());
  RolloutDispatch* const rollouts = self->rollouts_.get();
  ClaimQueue::Source source = {
      .claim = [rollouts](const auto& request, auto* response) { return rollouts->ClaimInto(request, response); },
      .offers = [rollouts] { return rollouts->Offers(); }};
  self->claims_ = std::make_unique<ClaimQueue>(std::move(source), &self->groups_signal_);
  if (options.num_dataset_readers > 0) self->StartReaders(options.num_dataset_readers);
  log::Info("coordinator_open", {{"epoch", self->context_.epoch},
                                 {"data_dir", data_dir},
                                 {"unfinished_jobs", self->directory_->Runtimes().size()}});
  if (options.tick_interval > absl::ZeroDuration()) {
    self->ticker_ = std::thread(&Coordinator::TickUntilStopped, self.get(), options.tick_interval);
  }
  return self;
}

Coordinator::~Coordinator() {
  if (is_listening_) log::SetListener(nullptr);
  EndPolls();
  if (ticker_.joinable()) {
    stop_ticking_.Notify();
    ticker_.join();
  }
  weight_reader_.reset();
  readers_.reset();
}

void Coordinator::Tick() {
  const absl::Duration now = context_.clock->Monotonic();
  std::unordered_set<std::string> moving;
  int64_t num_jobs = 0;
  for (const auto& runtime : directory_->Runtimes()) {
    runtime->Tick();
    // Where jobs are many and cores few, calls would wait for the end of all this.
    if (++num_jobs % 16 == 0) std::this_thread::yield();
    // A paused job waits for nobody who could be late.
    if (runtime->state() == cohort::v1::JOB_STATE_PAUSED) continue;
    moving.insert(runtime->name());
    stalls_.Observe(runtime->name(), runtime->Waiting(), now);
  }
  stalls_.Keep(moving);
  upload_sweep_.Tick();
  gangs_->Tick();
  directory_->Reap();
  RemoveSegmentsIfDue(now);
  workers_.ForgetSilent(now);
  if (workers_.TakeEndedPauses(now)) groups_signal_.Notify();
  metrics_.JobsUnfinished().Set(static_cast<double>(num_jobs));
  metrics_.WorkersRegistered().Set(static_cast<double>(workers_.NumWorkers()));
  metrics_.WorkersSetAside().Set(static_cast<double>(workers_.NumSetAside()));
  metrics_.ProcessorKinds().Set(static_cast<double>(workers_.NumProcessorKinds()));
  metrics_.ClaimsWaiting().Set(static_cast<double>(claims_->NumWaiting()));
  metrics_.LearnersWaiting().Set(static_cast<double>(gangs_->NumWaiting()));
  if (readers_ != nullptr) metrics_.ReadingsWaiting().Set(static_cast<double>(readers_->num_waiting()));
  metrics_.ChangesWaiting().Set(static_cast<double>(store_->NumWaitingChanges()));
  metrics_.AppendsWaiting().Set(static_cast<double>(log_->NumWaiting()));
}

void Coordinator::ReportDisksApart() {
  if (is_reporting_disks_.exchange(true)) return;
  const auto report = [this] {
    ReportDisks();
    is_reporting_disks_ = false;
  };
  if (readers_ == nullptr) return report();
  readers_->Run(report);
}

void Coordinator::ReportDisks() {
  const std::pair<const char*, const std::string&> folders[] = {{"data_dir", data_dir_},
                                                                {"checkpoint_root", context_.checkpoint_root}};
  for (const auto& [name, path] : folders) {
    std::error_code error;
    const std::filesystem::space_info space = std::filesystem::space(path, error);
    // One that cannot be told is better absent than wrong.
    if (error) continue;
    metrics_.DiskFreeBytes(name).Set(static_cast<double>(space.available));
    metrics_.DiskSizeBytes(name).Set(static_cast<double>(space.capacity));
  }
}

void Coordinator::RemoveSegmentsIfDue(absl::Duration now) {
  if (now - last_cleanup_ < kCleanupInterval) return;
  last_cleanup_ = now;
  ReportDisksApart();
  const auto removed = RemoveUnusedSegments(store_.get(), log_.get(), kSegmentsPerCleanup);
  if (!removed.ok()) log::Warning("segments_not_removed", {{"error", removed.status()}});
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
  // A call that reads a dataset would keep the server from ending for as long as the file is large.
  if (readers_ != nullptr) readers_->Stop();
  if (weight_reader_ != nullptr) weight_reader_->Stop();
  if (claims_ != nullptr) claims_->Close();
  groups_signal_.Close();
  plans_signal_.Close();
  events_signal_.Close();
  logs_signal_.Close();
}

void Coordinator::CollectLogs(bool own_ones_too) {
  // While the store is in trouble, lines are rather kept.
  const auto is_job = [store = store_.get()](const std::string& job) {
    return !absl::IsNotFound(store->GetJob(job).status());
  };
  logs_ = std::make_unique<JobLogs>(context_.epoch, &logs_signal_, &metrics_.LogBytes(), JobLogs::Limits(), is_job);
  context_.logs = logs_.get();
  if (!own_ones_too) return;
  log::SetListener([logs = logs_.get()](const log::Line& line) { logs->AddOwn(line); });
  is_listening_ = true;
}

void Coordinator::StartReaders(int count) {
  readers_ = std::make_unique<ReaderThreads>(count);
  ReaderThreads* const readers = readers_.get();
  context_.is_stopped = readers->is_stopped();
  weight_reader_ = std::make_unique<ReaderThreads>(1);
  ReaderThreads* const weight_reader = weight_reader_.get();
  context_.read_apart = [this, readers, weight_reader](CoordinatorContext::Reading kind, std::function<void()> work) {
    ReaderThreads* const threads = kind == CoordinatorContext::Reading::kWeights ? weight_reader : readers;
    threads->Run([this, readers, work = std::move(work)] {
      work();
      // A job without ranks has nobody who waits for it to start.
      if (!*readers->is_stopped()) gangs_->Tick();
    });
  };
}

void Coordinator::TickUntilStopped(absl::Duration interval) {
  absl::Duration last = context_.clock->Monotonic();
  absl::Duration last_tick = last;
  while (!stop_ticking_.WaitForNotificationWithTimeout(std::min(interval, kLeaseCheck))) {
    const absl::Duration begin = context_.clock->Monotonic();
    // What they sent meanwhile waits in the sockets: hear it before calling anybody silent.
    const bool is_late = begin - last > interval + kLateTick;
    const bool is_due = begin - last_tick >= interval;
    if (is_late) {
      log::Warning("ticks_missed", {{"seconds", absl::ToDoubleSeconds(begin - last)}});
    } else if (is_due) {
      Tick();
    } else {
      EndExpiredLeases();
    }
    last = context_.clock->Monotonic();
    if (is_late || is_due) last_tick = last;
  }
}

void Coordinator::EndExpiredLeases() {
  const auto served = directory_->served().Get();
  for (const ServedJob& job : *served) job.runtime->EndExpiredLeases();
}

}  // namespace cohort::coordinator
