// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SIMULATION_SIMULATED_RANK_H_
#define COHORT_COORDINATOR_SIMULATION_SIMULATED_RANK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "cohort/v1/learner_service.pb.h"
#include "common/testing/seeded_random.h"
#include "common/testing/simulated_disk.h"
#include "common/testing/simulated_file_system.h"
#include "coordinator/simulation/collective.h"
#include "coordinator/simulation/schedule.h"
#include "coordinator/simulation/simulated_network.h"
#include "coordinator/simulation/simulated_process.h"
#include "coordinator/simulation/witness.h"

namespace cohort::coordinator {

// A learner rank whose weights are a digest of the plans so far (testing/weights_digest.h): joins, takes up a
// checkpoint, trains, commits, publishes, seals. It dies at every point of this and stands still as the schedule says,
// and finds checkpoints damaged. Not thread-safe; the dependencies must outlive it.
class SimulatedRank final : public SimulatedProcess {
 public:
  SimulatedRank(EventLoop* loop, common::SeededRandom* random, common::SimulatedDisk* disk, SimulatedNetwork* network,
                Collective* collective, Witness* witness, const Schedule* schedule, std::string id);

  void Start();
  // Starts again after a while.
  void Die();
  // From now on it works.
  void Heal() { is_healed_ = true; }

 private:
  using Next = std::function<void()>;

  void Join();
  void Beat();
  void TakeUp();
  void AskForPlan();
  void Train(const cohort::v1::StepPlan& plan);
  void Commit(const Next& next);
  void Publish(const Next& next);
  void Seal(const Next& next);
  // What a rank does after a call: next, the same again, or joining anew.
  void Conclude(const absl::Status& status, const Next& again, const Next& next);
  // Dies here, perhaps.
  bool Dies();
  bool IsHit(int64_t per_mille) { return !is_healed_ && random_->Chance(per_mille); }
  std::string CheckpointPath(int64_t version) const;

  common::SeededRandom* const random_;
  common::SimulatedDisk* const disk_;
  SimulatedNetwork* const network_;
  Collective* const collective_;
  Witness* const witness_;
  const Schedule* const schedule_;
  const std::string id_;
  bool is_healed_ = false;
  std::unique_ptr<common::SimulatedFileSystem> files_;
  cohort::v1::JoinGangResponse place_;  // no job: none
  int64_t version_ = 0;
  std::string digest_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SIMULATION_SIMULATED_RANK_H_
