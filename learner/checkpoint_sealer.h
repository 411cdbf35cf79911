// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_CHECKPOINT_SEALER_H_
#define COHORT_LEARNER_CHECKPOINT_SEALER_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cohort/v1/learner_service.pb.h"
#include "common/clock.h"
#include "learner/checkpoint/checkpoint_writer.h"
#include "learner/checkpoint/saved_state.h"
#include "learner/gang_membership.h"
#include "learner/learner_client.h"
#include "learner/learner_metrics.h"
#include "learner/train_state.h"

namespace cohort::learner {

// Rank 0's checkpoints of one job: copies the state, and writes, seals, records and prunes in a thread of its own while
// training goes on. What is sealed is recorded with the coordinator after it is durable, and in order of version. The
// destructor waits for the checkpoint that is being written. Not thread-safe; `place` and the pointers must outlive it.
class CheckpointSealer final {
 public:
  struct Options {
    LearnerClient* client = nullptr;
    const GangMembership* membership = nullptr;
    common::Clock* clock = nullptr;
    LearnerMetrics* metrics = nullptr;
    // How long the last checkpoint of a job is tried again when it cannot be written, and how the time is spent.
    absl::Duration seal_patience;
    std::function<void(absl::Duration)> pause;
  };

  // A committed version and what it is sealed with.
  struct Version {
    const TrainState* state = nullptr;
    Moments moments;             // of all parameters
    std::string digest;          // of its weights, 32 bytes
    int64_t needed_version = 0;  // recovery may replay the versions from this one on
  };

  CheckpointSealer(const cohort::v1::JoinGangResponse& place, Options options);

  // Begins a checkpoint and returns when the state may change again. While another is being written, one that
  // checkpoint.every_steps asks for waits for it, and one that is due for another reason is left out. Failures are
  // logged and counted: the checkpoint before stays valid, and the plans since are still there.
  void Seal(const Version& version);

  // Seals the version at which the ranks leave, unless that was done, and returns when it is recorded. When it cannot
  // be written: tries for a while, then FAILED_PRECONDITION for the last version of the job, else ABORTED, or INTERNAL
  // when the rank is draining. ABORTED also when the gang is lost.
  absl::Status SealAtTheEnd(const Version& version);

  // Waits for the checkpoint that is being written, and gives the memory of the copy back.
  void Finish();

  // Host memory of the copy that checkpoints are written from; 0 when there is none.
  int64_t copy_bytes() const { return snapshot_.size_bytes(); }

  // The newest checkpoint that is known to be sealed and recorded, as of Finish, is of this version.
  bool IsSealed(int64_t policy_version) const { return writer_.sealed_version() == policy_version; }

 private:
  // The same, of the copy that is written.
  struct Sealing {
    SavedState state;
    std::string digest;
    int64_t needed_version = 0;
  };

  bool IsLast(int64_t policy_version) const { return policy_version >= place_.spec().training().num_steps(); }
  bool IsScheduled(int64_t policy_version) const;
  absl::StatusOr<std::string> Write(const Sealing& sealing);
  absl::Status Record(const Sealing& sealing, const std::string& path);

  const cohort::v1::JoinGangResponse& place_;
  const Options options_;
  StateSnapshot snapshot_;
  CheckpointWriter writer_;  // last: its thread uses the others
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_CHECKPOINT_SEALER_H_
