// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_CHECKPOINT_SEALER_H_
#define COHORT_LEARNER_CHECKPOINT_SEALER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cohort/v1/learner_service.pb.h"
#include "common/clock.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/checkpoint/checkpoint_writer.h"
#include "learner/checkpoint/saved_state.h"
#include "learner/flat_layout.h"
#include "learner/gang_membership.h"
#include "learner/learner_client.h"
#include "learner/learner_metrics.h"
#include "learner/train_state.h"

namespace cohort::learner {

// One rank's hand in the checkpoints of a job: copies its part of the state, and writes it in a thread of its own while
// training goes on. Rank 0's thread also waits for the parts of the others, seals, records and prunes. What is sealed
// is recorded with the coordinator after it is durable, and in order of version. The destructor waits for what is being
// written. Not thread-safe; `place` and the pointers must outlive it.
class CheckpointSealer final {
 public:
  struct Options {
    LearnerClient* client = nullptr;
    const GangMembership* membership = nullptr;
    common::Clock* clock = nullptr;
    LearnerMetrics* metrics = nullptr;
    // How long the last checkpoint of a job is tried again when it cannot be written.
    absl::Duration seal_patience;
    // How time is spent between tries, and by rank 0's thread while it waits for the parts of the others.
    std::function<void(absl::Duration)> pause;
  };

  // A committed version and what it is sealed with.
  struct Version {
    const TrainState* state = nullptr;
    StatePart part;              // of it that this rank writes
    std::string digest;          // of its weights, 32 bytes
    int64_t needed_version = 0;  // recovery may replay the versions from this one on
  };

  CheckpointSealer(const cohort::v1::JoinGangResponse& place, Options options);

  // The job asks for a checkpoint of this version. One that is due for another reason, to help recovery, may be left
  // out while the one before is being written, on all ranks or on none.
  bool IsScheduled(int64_t policy_version) const;
  // This rank's thread is at work.
  bool IsBusy() const { return writer_.IsBusy(); }

  // Begins a checkpoint, on every rank, and returns when the state may change again: at once, but for the copy, unless
  // the one before is still being written. Failures are logged and counted on the rank that meets them and on rank 0:
  // the checkpoint before stays valid, and the plans since are still there.
  void Seal(const Version& version);

  // Seals the version at which the ranks leave, on every rank after all have called Finish. Rank 0 returns when it is
  // recorded. When it cannot be written: tries for a while, then FAILED_PRECONDITION for the last version of the job,
  // else ABORTED, or INTERNAL when the rank is draining. The others try as long for their parts, and leave it to rank 0
  // to say what is missing. ABORTED also when the gang is lost.
  absl::Status SealAtTheEnd(const Version& version);

  // Removes what the ranks have left of a version that SealAtTheEnd has not sealed: on rank 0, after all have returned.
  void Discard(const Version& version);

  // Waits for the checkpoint that is being written, and gives the memory of the copy back.
  void Finish();

  // The rank leaves its gang: nobody is waited for any more who isn't writing. What is under way is still ended.
  void LeaveGang() { has_left_ = true; }

  // Host memory of the copy that checkpoints are written from; 0 when there is none.
  int64_t copy_bytes() const { return snapshot_.size_bytes(); }

  // On rank 0: the newest checkpoint that is known to be sealed and recorded, as of Finish, is of this version.
  bool IsSealed(int64_t policy_version) const { return writer_.sealed_version() == policy_version; }

 private:
  // The same, of the copy that is written.
  struct Sealing {
    SavedState state;
    std::string digest;
    int64_t needed_version = 0;
  };

  bool is_leader() const { return place_.rank() == 0; }
  bool IsLast(int64_t policy_version) const { return policy_version >= place_.spec().training().num_steps(); }
  // Rank 0 waits for nothing that does not come.
  void NotBegun(const Version& version, const absl::Status& reason);
  SealOptions OptionsOf(const std::string& digest) const;
  // This rank's part; on rank 0 the whole, sealed.
  absl::StatusOr<std::string> Write(const Sealing& sealing);
  void Discard(int64_t policy_version, const RankPlace& place, const std::string& digest);
  // How long the version at which the ranks leave is tried again.
  absl::Duration PatienceAtTheEnd(int64_t policy_version) const;
  absl::Status NotSealed(int64_t policy_version, const absl::Status& reason) const;
  absl::Status Record(const Sealing& sealing, const std::string& path);

  const cohort::v1::JoinGangResponse& place_;
  const Options options_;
  std::atomic<bool> has_left_{false};
  StateSnapshot snapshot_;
  CheckpointWriter writer_;  // last: its thread uses the others
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_CHECKPOINT_SEALER_H_
