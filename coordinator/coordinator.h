// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_COORDINATOR_H_
#define COHORT_COORDINATOR_COORDINATOR_H_

#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "coordinator/change_signal.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/coordinator_metrics.h"
#include "coordinator/gang_assembly.h"
#include "coordinator/job_directory.h"
#include "coordinator/rollout_dispatch.h"
#include "coordinator/stall_watch.h"
#include "coordinator/worker_registry.h"

namespace cohort::coordinator {

struct CoordinatorOptions {
  // Folders; relative ones are taken from the working directory. data_dir holds the store and the rollout log.
  std::string data_dir;
  std::string checkpoint_root;
  std::string model_root;
  std::string data_root;
  absl::Duration lease_duration = absl::Seconds(30);
  // How often Tick runs by itself; zero: never (tests).
  absl::Duration tick_interval = absl::Seconds(1);
};

// Everything behind the services: opens store and log, takes up unfinished jobs, watches the clock. Thread-safe. The
// destructor ends all long polls; servers must be shut down before it.
class Coordinator final {
 public:
  // `clock` and `registry` must outlive it. Errors name the folder.
  static absl::StatusOr<std::unique_ptr<Coordinator>> Open(const CoordinatorOptions& options, PreflightCheck preflight,
                                                           common::Clock* clock, prometheus::Registry* registry);
  ~Coordinator();

  const CoordinatorContext& context() const { return context_; }
  JobDirectory& jobs() { return *directory_; }
  GangAssembly& gangs() { return *gangs_; }
  RolloutDispatch& rollouts() { return *rollouts_; }

  // Time has passed: leases, silent ranks and workers, stalls.
  void Tick();
  // Asks gangs to stop and waits until they have sealed their checkpoints, at most `grace`. False when some had not.
  bool Drain(absl::Duration grace);
  // Ends all long polls, now and later.
  void EndPolls();

 private:
  Coordinator(const CoordinatorOptions& options, common::Clock* clock, prometheus::Registry* registry);
  void TickUntilStopped(absl::Duration interval);

  CoordinatorMetrics metrics_;
  WorkerRegistry workers_;
  ChangeSignal groups_signal_;
  ChangeSignal plans_signal_;
  ChangeSignal events_signal_;
  std::unique_ptr<JobStore> store_;
  std::unique_ptr<rollout_log::RolloutLog> log_;
  CoordinatorContext context_;
  std::unique_ptr<JobDirectory> directory_;
  std::unique_ptr<GangAssembly> gangs_;
  std::unique_ptr<RolloutDispatch> rollouts_;
  StallWatch stalls_;
  absl::Notification stop_ticking_;
  std::thread ticker_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_COORDINATOR_H_
