// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_TESTING_FAKE_LEARNER_H_
#define COHORT_COORDINATOR_TESTING_FAKE_LEARNER_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "cohort/v1/learner_service.grpc.pb.h"
#include "coordinator/testing/loopback_coordinator.h"
#include "coordinator/testing/weights_digest.h"

namespace cohort::coordinator {

// What all fake ranks of a test did. Thread-safe.
class TrainingRecord final {
 public:
  void AddPayload(int64_t version, int64_t id);
  void AddIncarnation(int64_t incarnation);
  // Ids received by any rank for the plan of a version.
  std::multiset<int64_t> Payload(int64_t version) const;
  std::set<int64_t> Incarnations() const;
  // Waits until the plan of `version` was received.
  void AwaitVersion(int64_t version) const;

 private:
  mutable absl::Mutex mutex_;
  std::map<int64_t, std::multiset<int64_t>> payload_ ABSL_GUARDED_BY(mutex_);
  std::set<int64_t> incarnations_ ABSL_GUARDED_BY(mutex_);
};

// A learner rank without a model: its "weights" are a digest chained over the plans, kept in checkpoint folders, so
// that a replay that differs in anything is noticed. Joins gangs in a thread until the coordinator is closed; joins
// when destroyed.
class FakeLearner final {
 public:
  FakeLearner(LoopbackCoordinator* coordinator, std::string learner_id, TrainingRecord* record);
  ~FakeLearner() { thread_.join(); }

 private:
  void Run();
  // Until the gang is over or the connection is lost.
  void WorkInGang(const CoordinatorStubs& stubs, const cohort::v1::JoinGangResponse& place);

  LoopbackCoordinator* const coordinator_;
  const std::string learner_id_;
  TrainingRecord* const record_;
  std::thread thread_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_TESTING_FAKE_LEARNER_H_
