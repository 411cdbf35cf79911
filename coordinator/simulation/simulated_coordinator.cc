// SPDX-License-Identifier: Apache-2.0
#include "coordinator/simulation/simulated_coordinator.h"

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/telemetry/log.h"

namespace cohort::coordinator {

using common::SimulatedFileSystem;

SimulatedCoordinator::SimulatedCoordinator(EventLoop* loop, common::SimulatedDisk* disk, common::SeededRandom* random,
                                           Witness* witness, const Schedule* schedule, std::string data_root)
    : SimulatedProcess(loop),
      disk_(disk),
      random_(random),
      witness_(witness),
      schedule_(schedule),
      data_root_(std::move(data_root)) {}

SimulatedCoordinator::~SimulatedCoordinator() { Close(); }

void SimulatedCoordinator::Start() {
  if (coordinator_ != nullptr) return;
  files_ = std::make_unique<SimulatedFileSystem>(disk_);
  if (life() == 1 && schedule_->death_call > 0) files_->DieAt(schedule_->death_call, schedule_->death_moment);
  files_->SetFault([this](SimulatedFileSystem::Call call, std::string_view path) -> absl::Status {
    const bool fails =
        !is_healed_ && call == SimulatedFileSystem::Call::kSync && random_->Chance(schedule_->sync_errors);
    return fails ? absl::ErrnoToStatus(EIO, std::string(path)) : absl::OkStatus();
  });
  vfs_ = std::make_unique<SimulatedSqliteVfs>(files_.get(), absl::StrCat("simulated-", life()));
  registry_ = std::make_unique<prometheus::Registry>();
  CoordinatorOptions options;
  // On the simulated disk, except for uploaded datasets.
  options.data_dir = data_root_ + "/data";
  options.checkpoint_root = data_root_ + "/runs";
  options.model_root = data_root_;
  options.data_root = data_root_;
  options.lease_duration = kLease;
  options.tick_interval = absl::ZeroDuration();
  options.files = files_.get();
  options.sqlite_vfs = vfs_->name();
  const auto accept = [](const cohort::v1::JobSpec& spec, const std::string&,
                         const DatasetRoots&) -> absl::StatusOr<cohort::v1::JobSpec> { return spec; };
  auto opened = Coordinator::Open(options, accept, loop()->clock(), registry_.get());
  if (!opened.ok() || files_->is_dead()) {
    if (absl::IsDataLoss(opened.status())) witness_->Violated(absl::StrCat("start: ", opened.status().ToString()));
    log::Info("simulated_start_failed", {{"error", opened.status()}});
    if (opened.ok()) coordinator_ = *std::move(opened);
    return Kill(files_->is_dead() && random_->Chance(500));
  }
  coordinator_ = *std::move(opened);
  witness_->CheckStore(coordinator_->context().store, *coordinator_->context().log);
  Later(kTick, [this] { Tick(); });
}

bool SimulatedCoordinator::IsAlive() {
  if (coordinator_ == nullptr) return false;
  if (!files_->is_dead()) return true;
  Kill(random_->Chance(500));
  return false;
}

void SimulatedCoordinator::Kill(bool loses_power) {
  files_->Kill();
  Close();
  if (loses_power) disk_->LosePower(random_);
  log::Info("simulated_kill", {{"power", !loses_power}});
  Later(absl::Milliseconds(random_->Between(100, 4000)), [this] { Start(); });
}

void SimulatedCoordinator::DieSoon() {
  if (coordinator_ == nullptr) return;
  files_->DieAt(files_->num_calls() + random_->Between(1, 40),
                static_cast<SimulatedFileSystem::Moment>(random_->Below(3)));
}

void SimulatedCoordinator::Terminate() {
  if (coordinator_ == nullptr) return;
  coordinator_->gangs().Drain("the coordinator was asked to terminate");
  if (!IsAlive()) return;
  Later(absl::Milliseconds(random_->Between(100, 3000)), [this] {
    Close();
    Later(absl::Milliseconds(random_->Between(100, 4000)), [this] { Start(); });
  });
}

void SimulatedCoordinator::StopFor(absl::Duration duration) {
  witness_->TimeWasLost();
  skips_tick_ = true;
  Stop(duration);
}

void SimulatedCoordinator::Heal() { is_healed_ = true; }

void SimulatedCoordinator::Close() {
  num_first_disk_calls_ = num_disk_calls();
  EndLife();
  witness_->TimeWasLost();
  skips_tick_ = false;
  coordinator_.reset();
  vfs_.reset();
  registry_.reset();
}

void SimulatedCoordinator::Tick() {
  // As Coordinator does by itself: a late tick finds a process that was stopped.
  if (!std::exchange(skips_tick_, false)) coordinator_->Tick();
  if (IsAlive()) Later(kTick, [this] { Tick(); });
}

}  // namespace cohort::coordinator
