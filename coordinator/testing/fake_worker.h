// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_TESTING_FAKE_WORKER_H_
#define COHORT_COORDINATOR_TESTING_FAKE_WORKER_H_

#include <string>
#include <thread>

#include "cohort/v1/rollout_service.grpc.pb.h"
#include "coordinator/testing/loopback_coordinator.h"
#include "coordinator/testing/sample_group.h"

namespace cohort::coordinator {

// Sends one group as two parts. The receipt, or the status of the call.
grpc::Status SubmitGroup(cohort::v1::RolloutService::Stub* stub, const cohort::v1::GroupAssignment& assignment,
                         const cohort::v1::RolloutGroup& group, cohort::v1::GroupReceipt* receipt,
                         const std::string& worker_id = "");

// A rollout worker without a model: claims and submits in a thread until the coordinator is closed. Joins when
// destroyed.
class FakeWorker final {
 public:
  FakeWorker(LoopbackCoordinator* coordinator, std::string worker_id, FakeScore score);
  ~FakeWorker() { thread_.join(); }

 private:
  void Run();

  LoopbackCoordinator* const coordinator_;
  const std::string worker_id_;
  const FakeScore score_;
  std::thread thread_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_TESTING_FAKE_WORKER_H_
