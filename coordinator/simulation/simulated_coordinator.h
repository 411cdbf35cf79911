// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SIMULATION_SIMULATED_COORDINATOR_H_
#define COHORT_COORDINATOR_SIMULATION_SIMULATED_COORDINATOR_H_

#include <memory>
#include <string>

#include "common/testing/seeded_random.h"
#include "common/testing/simulated_disk.h"
#include "common/testing/simulated_file_system.h"
#include "coordinator/coordinator.h"
#include "coordinator/simulation/schedule.h"
#include "coordinator/simulation/simulated_process.h"
#include "coordinator/simulation/witness.h"
#include "coordinator/testing/simulated_sqlite_vfs.h"
#include "prometheus/registry.h"

namespace cohort::coordinator {

// The real coordinator, without its servers and threads, as a process that dies and is started again on the same
// simulated disk. After every start the witness looks at the store. Not thread-safe; the dependencies must outlive it.
class SimulatedCoordinator final : public SimulatedProcess {
 public:
  static constexpr absl::Duration kLease = absl::Seconds(6);
  static constexpr absl::Duration kTick = absl::Seconds(1);

  // Datasets are read from the real folder `data_root`.
  SimulatedCoordinator(EventLoop* loop, common::SimulatedDisk* disk, common::SeededRandom* random, Witness* witness,
                       const Schedule* schedule, std::string data_root);
  ~SimulatedCoordinator() override;

  // Opens store, log and jobs; when that fails, again after a while.
  void Start();
  // Null while it is down.
  Coordinator* get() { return coordinator_.get(); }
  // To be called after everything that it did: false when the process has died in it.
  bool IsAlive();
  // SIGKILL; with it the machine may lose power.
  void Kill(bool loses_power);
  // At one of its next calls that change the disk.
  void DieSoon();
  // SIGTERM: asks ranks to stop, and ends in order a while later.
  void Terminate();
  void StopFor(absl::Duration duration);
  // Calls of the first process that changed the disk.
  int64_t num_disk_calls() const { return life() == 1 ? files_->num_calls() : num_first_disk_calls_; }
  // From now on the disk works.
  void Heal();

 private:
  void Close();
  void Tick();

  common::SimulatedDisk* const disk_;
  common::SeededRandom* const random_;
  Witness* const witness_;
  const Schedule* const schedule_;
  const std::string data_root_;
  bool is_healed_ = false;
  int64_t num_first_disk_calls_ = 0;
  bool skips_tick_ = false;
  std::unique_ptr<common::SimulatedFileSystem> files_;
  std::unique_ptr<SimulatedSqliteVfs> vfs_;
  std::unique_ptr<prometheus::Registry> registry_;
  std::unique_ptr<Coordinator> coordinator_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SIMULATION_SIMULATED_COORDINATOR_H_
