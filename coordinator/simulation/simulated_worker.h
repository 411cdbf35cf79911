// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SIMULATION_SIMULATED_WORKER_H_
#define COHORT_COORDINATOR_SIMULATION_SIMULATED_WORKER_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cohort/v1/rollout_service.pb.h"
#include "common/testing/seeded_random.h"
#include "coordinator/simulation/schedule.h"
#include "coordinator/simulation/simulated_network.h"
#include "coordinator/simulation/simulated_process.h"
#include "coordinator/simulation/witness.h"

namespace cohort::coordinator {

// A rollout worker without a model: claims, takes its time, submits until it is answered, keeps its leases alive. It
// dies, stands still, gives groups back and sends garbage as the schedule says. Not thread-safe; the dependencies must
// outlive it.
class SimulatedWorker final : public SimulatedProcess {
 public:
  SimulatedWorker(EventLoop* loop, common::SeededRandom* random, SimulatedNetwork* network, Witness* witness,
                  const Schedule* schedule, std::string id);

  void Start();
  // Starts again after a while.
  void Die();
  // From now on it works.
  void Heal() { is_healed_ = true; }

 private:
  struct Held {
    cohort::v1::GroupAssignment assignment;
    std::string garbage;  // what is wrong with the submission; empty: nothing
    bool is_sampled = false;
    Submission submission;
  };
  using Key = std::pair<std::string, int64_t>;  // job, group

  void Claim();
  void Beat();
  void FinishSampling(const Key& key);
  void Submit(const Key& key);
  void TakeReceipt(const Key& key, const absl::StatusOr<std::vector<cohort::v1::GroupReceipt>>& receipts);
  void Release(const Key& key);
  void MakeGarbage(Held* held);
  cohort::v1::WorkerDescription Describe() const;
  static cohort::v1::GroupLease LeaseOf(const cohort::v1::GroupAssignment& assignment);
  bool IsHit(int64_t per_mille) { return !is_healed_ && random_->Chance(per_mille); }

  common::SeededRandom* const random_;
  SimulatedNetwork* const network_;
  Witness* const witness_;
  const Schedule* const schedule_;
  const std::string id_;
  bool is_healed_ = false;
  std::map<Key, Held> held_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SIMULATION_SIMULATED_WORKER_H_
