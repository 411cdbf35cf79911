// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_TESTING_LOOPBACK_COORDINATOR_H_
#define COHORT_COORDINATOR_TESTING_LOOPBACK_COORDINATOR_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "cohort/v1/job_service.grpc.pb.h"
#include "cohort/v1/learner_service.grpc.pb.h"
#include "cohort/v1/rollout_service.grpc.pb.h"
#include "common/grpc_server.h"
#include "common/testing/simulated_clock.h"
#include "common/testing/temp_dir.h"
#include "coordinator/coordinator.h"
#include "coordinator/job_service.h"
#include "coordinator/learner_service.h"
#include "coordinator/rollout_service.h"
#include "prometheus/registry.h"

namespace cohort::coordinator {

// Stubs of all services on one channel.
struct CoordinatorStubs {
  std::unique_ptr<cohort::v1::JobService::Stub> jobs;
  std::unique_ptr<cohort::v1::RolloutService::Stub> rollouts;
  std::unique_ptr<cohort::v1::LearnerService::Stub> learners;
};

// A coordinator behind a real gRPC server on a free loopback port, with a store and log in a fresh folder and a clock
// that only the test moves. Preflight accepts everything. Start may be called again after Kill: the state of the folder
// stays. Thread-safe.
class LoopbackCoordinator final {
 public:
  LoopbackCoordinator() = default;
  ~LoopbackCoordinator() { Kill(); }

  void Start();
  // As kill -9 as it gets in one process: calls are cut, nothing is drained.
  void Kill();
  // Waits for a running server. Null stubs once Close was called.
  CoordinatorStubs Connect();
  // The same past RouteThrough.
  CoordinatorStubs ConnectDirectly();
  // From now on Connect gives stubs to this address, where a proxy listens.
  void RouteThrough(const std::string& address);
  // Ends all waits in Connect, for good.
  void Close();
  bool IsClosed();

  Coordinator& coordinator() { return *coordinator_; }
  common::SimulatedClock& clock() { return clock_; }
  const common::TempDir& folder() const { return folder_; }
  std::string WriteFile(const std::string& name, const std::string& content) const;

 private:
  CoordinatorStubs ConnectBy(bool is_routed);

  common::TempDir folder_;
  common::SimulatedClock clock_;
  std::unique_ptr<prometheus::Registry> registry_;
  std::unique_ptr<Coordinator> coordinator_;
  std::unique_ptr<JobServiceImpl> jobs_;
  std::unique_ptr<RolloutServiceImpl> rollouts_;
  std::unique_ptr<LearnerServiceImpl> learners_;
  std::unique_ptr<common::GrpcServer> server_;
  absl::Mutex mutex_;
  std::string address_ ABSL_GUARDED_BY(mutex_);
  std::string route_ ABSL_GUARDED_BY(mutex_);  // empty: none
  bool is_closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_TESTING_LOOPBACK_COORDINATOR_H_
