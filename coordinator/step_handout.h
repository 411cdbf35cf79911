// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_STEP_HANDOUT_H_
#define COHORT_COORDINATOR_STEP_HANDOUT_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "cohort/v1/learner_service.pb.h"

namespace cohort::coordinator {

// What a gang needs to begin.
struct GangStart {
  int64_t incarnation = 0;
  std::string resume_checkpoint;
  int64_t resume_version = 0;
};

// Which plans the present gang has been handed, so that all ranks get the same one for the same version. Training plans
// are in the store and survive the gang; a stop belongs to one gang: it is pinned to the first version whose training
// plan no rank has. Not thread-safe: guarded by its owner.
class StepHandout final {
 public:
  enum class Answer { kTrain, kStop, kWait };

  void StartGang(int64_t incarnation, int64_t resume_version, int32_t world_size);
  void EndGang();
  bool HasGang() const { return incarnation_ != 0; }
  int64_t incarnation() const { return incarnation_; }
  int64_t next_version() const { return next_version_; }
  int64_t resume_version() const { return resume_version_; }

  // The ranks could not take up the checkpoint of resume_version() and begin at this older version.
  void ResumeFrom(int64_t version);

  // The newest version that this gang has committed, or come to again. A gang commits in order.
  bool IsNextToConfirm(int64_t version) const { return version == confirmed_version_ + 1; }
  void Confirm(int64_t version) { confirmed_version_ = std::max(confirmed_version_, version); }
  // A version came out otherwise than it was committed.
  void SetDiverged() { has_diverged_ = true; }
  bool has_diverged() const { return has_diverged_; }

  // Pins a stop to next_version(), once per gang.
  void PinStop(cohort::v1::StepPlan stop);
  const std::optional<cohort::v1::StepPlan>& stop() const { return stop_; }
  // Every rank was told to stop, or there is none.
  bool AllToldToStop() const;

  // What the rank gets for `version`; kTrain: the stored plan. `is_planned`: a training plan for next_version() is
  // stored. FAILED_PRECONDITION when the rank is ahead of the gang.
  absl::StatusOr<Answer> Ask(int32_t rank, int64_t version, bool is_planned);

 private:
  int64_t incarnation_ = 0;
  int64_t resume_version_ = 0;
  int64_t confirmed_version_ = 0;
  bool has_diverged_ = false;
  int64_t next_version_ = 0;  // lowest version whose training plan no rank has
  int32_t world_size_ = 0;
  std::optional<cohort::v1::StepPlan> stop_;
  std::set<int32_t> told_to_stop_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_STEP_HANDOUT_H_
