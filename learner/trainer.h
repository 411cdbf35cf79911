// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_TRAINER_H_
#define COHORT_LEARNER_TRAINER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cohort/v1/learner_service.pb.h"
#include "common/clock.h"
#include "kernels/torch/tensor_memory.h"
#include "learner/checkpoint_sealer.h"
#include "learner/gang_membership.h"
#include "learner/learner_client.h"
#include "learner/learner_metrics.h"
#include "learner/memory_watch.h"
#include "learner/policy.h"
#include "learner/prepared_update.h"
#include "learner/step_data.h"
#include "learner/step_payload.h"
#include "learner/train_state.h"
#include "learner/train_step.h"
#include "learner/version_digest.h"
#include "learner/version_publisher.h"
#include "model/parallel/process_group.h"
#include "model/tokenizer/tokenizer.h"
#include "model/weight_sync/weight_publisher.h"
#include "objective/objective.h"

namespace cohort::learner {

using ProcessGroupFactory =
    std::function<absl::StatusOr<std::unique_ptr<model::ProcessGroup>>(const model::ProcessGroupOptions& options)>;

// What a process has for every job it trains. All pointers outlive the trainers.
struct TrainerEnvironment {
  LearnerClient* client = nullptr;
  GangMembership* membership = nullptr;
  model::WeightPublisher* publisher = nullptr;
  common::Clock* clock = nullptr;
  LearnerMetrics* metrics = nullptr;
  kernels::TensorMemory* tensors = nullptr;  // of `device`; null: memory is not measured
  ProcessGroupFactory create_group;
  std::string weight_service_address;  // host:port that workers reach
  std::string host;                    // address that the other ranks reach
  at::Device device = at::kCPU;
  // How long the last checkpoint of a job is tried again when it cannot be written, and how the time is spent.
  absl::Duration seal_patience = absl::Hours(1);
  std::function<void(absl::Duration)> pause = absl::SleepFor;
  // How often a rank that is busy with a commit or a checkpoint says so to its peers (run_together.h).
  absl::Duration pulse = absl::Seconds(5);
};

// Owns the loop of one rank for one job:
//
//   Create: process group
//   Run:    load -> publish -> { GetStep -> train step -> CommitStep -> publish -> seal } until a plan says stop
//
// After a crash GetStep repeats the plans since the checkpoint, and the same steps give the same bytes. Rank 0 alone
// commits and publishes; every rank writes its part of a checkpoint, which rank 0 seals. The destructor frees the peers
// and waits for what is being written. Not thread-safe.
class Trainer final {
 public:
  // Errors as Run.
  static absl::StatusOr<std::unique_ptr<Trainer>> Create(const cohort::v1::JoinGangResponse& place,
                                                         const TrainerEnvironment& environment);

  // OK when a plan said stop. CANCELLED: draining, and the coordinator is gone. ABORTED, UNAVAILABLE or
  // DEADLINE_EXCEEDED: the gang is lost, join again. NOT_FOUND, INVALID_ARGUMENT or DATA_LOSS: neither a checkpoint nor
  // the model can be loaded, or a step cannot be trained. FAILED_PRECONDITION: the last checkpoint of the job cannot be
  // written. Everything else is an error of this machine. Once.
  absl::Status Run();

  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

 private:
  Trainer(const cohort::v1::JoinGangResponse& place, const TrainerEnvironment& environment);

  bool is_leader() const { return place_.rank() == 0; }
  absl::Status Load();
  absl::Status PublishStart();
  absl::Status Train(StepPayload payload, PhaseTimer* timer);
  // After a step, whose largest microbatch had so many tokens.
  void MeasureMemory(int64_t microbatch_tokens);
  // Where it is kept for replay; empty: nowhere. A failure to keep it is logged.
  std::string KeepFailure(const FailedUpdate& failed) const;
  absl::Status Commit(const std::map<std::string, double>& step_metrics,
                      const std::vector<cohort::v1::RankTimings>& timings);
  // RunTogether of this gang.
  absl::Status DoTogether(const std::function<absl::Status()>& work);
  absl::Status HashWeights();
  absl::StatusOr<std::string> HoldOrHash(const model::ParameterMap& parameters);
  absl::Status Announce();
  // Whether the present version is sealed now; when its plan asks for it, and mostly then. Ranks are alike.
  absl::StatusOr<bool> IsSealedNow(bool asks_for_checkpoint);
  // The present version, to be sealed: every rank gives and gets its share.
  absl::StatusOr<CheckpointSealer::Version> VersionToSeal() const;
  absl::Status Stop(const cohort::v1::StepPlan& plan);
  // What Stop seals, after what is being written; nullopt where that is the present version. Ranks are alike.
  absl::StatusOr<std::optional<CheckpointSealer::Version>> VersionAtTheEnd();

  const cohort::v1::JoinGangResponse place_;
  const TrainerEnvironment environment_;
  VersionPublisher version_publisher_;
  std::unique_ptr<model::ProcessGroup> group_;
  std::unique_ptr<objective::Objective> objective_;
  std::unique_ptr<model::Tokenizer> tokenizer_;  // demonstrations, and objectives that need token text
  Policy reference_;                             // objectives with a KL penalty
  TrainState state_;
  StepDataOptions data_options_;
  StepPayload payload_;  // of the step under way, its trained part
  std::unique_ptr<TrainStep> train_step_;
  std::optional<MemoryWatch> memory_watch_;
  VersionDigest digest_;     // of the present weights
  CheckpointSealer sealer_;  // last: it writes what the others hold
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_TRAINER_H_
