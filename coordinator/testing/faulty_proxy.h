// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_TESTING_FAULTY_PROXY_H_
#define COHORT_COORDINATOR_TESTING_FAULTY_PROXY_H_

#include <grpcpp/support/status.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/grpc_server.h"
#include "common/testing/seeded_random.h"
#include "coordinator/testing/loopback_coordinator.h"

namespace cohort::coordinator {

// What becomes of calls, per mille.
struct ProxyFaults {
  uint64_t seed = 0;
  int64_t lost_before = 0;  // the coordinator does not see the call
  int64_t lost_after = 0;   // it has served the call; the caller sees UNAVAILABLE, after a part of a stream
  int64_t served_twice = 0;
  int64_t overtaken = 0;  // waits until later calls are through
};

// Stands between workers and ranks and a loopback coordinator as a gRPC server of its own: forwards every call of
// RolloutService and LearnerService, and of JobService those that create, get, cancel and watch, with the given faults.
// Thread-safe; the coordinator must outlive it.
class FaultyProxy final {
 public:
  FaultyProxy(LoopbackCoordinator* coordinator, const ProxyFaults& faults);
  ~FaultyProxy();

  std::string Address() const { return server_->Address(); }
  // From now on every call goes through, once.
  void Heal() { is_healed_ = true; }
  int64_t num_faults() const { return num_faults_; }

  // For its services: runs `serve`, perhaps not, perhaps twice, and says how the call ends.
  grpc::Status Forward(const std::function<grpc::Status(const CoordinatorStubs& stubs)>& serve);

 private:
  bool IsHit(int64_t per_mille);
  void LetOthersPass();

  LoopbackCoordinator* const coordinator_;
  const ProxyFaults faults_;
  std::atomic<bool> is_healed_{false};
  std::atomic<int64_t> num_faults_{0};
  absl::Mutex mutex_;
  common::SeededRandom random_ ABSL_GUARDED_BY(mutex_);
  int64_t num_served_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<grpc::Service> jobs_;
  std::unique_ptr<grpc::Service> rollouts_;
  std::unique_ptr<grpc::Service> learners_;
  std::unique_ptr<common::GrpcServer> server_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_TESTING_FAULTY_PROXY_H_
