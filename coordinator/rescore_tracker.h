// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_RESCORE_TRACKER_H_
#define COHORT_COORDINATOR_RESCORE_TRACKER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "cohort/v1/job.pb.h"
#include "cohort/v1/learner_service.pb.h"

namespace cohort::coordinator {

// Compares old and new rewards of groups that were judged anew. Sums go in the order of the calls: add groups in order
// of id. Not thread-safe: guarded by its owner.
class RescoreTracker final {
 public:
  // `reward`: the new rubric, resolved.
  explicit RescoreTracker(const cohort::v1::RewardSpec& reward);

  // The same completions before and after.
  void AddJudged(const cohort::v1::PlannedGroup& before, const cohort::v1::PlannedGroup& after);
  // Could not be judged: its completions have no new verdict.
  void AddDropped(const cohort::v1::PlannedGroup& before);

  // Means are 0 without a completion with both verdicts.
  cohort::v1::RescoreResult Result() const;
  // FAILED_PRECONDITION when more completions than the rubric's max_no_verdict_share have no new verdict.
  absl::Status CheckVerdicts() const;

 private:
  const cohort::v1::RewardSpec reward_;
  int64_t num_groups_ = 0;
  int64_t num_completions_ = 0;
  int64_t num_compared_ = 0;
  int64_t num_no_verdict_ = 0;
  int64_t num_unchanged_ = 0;
  double old_reward_ = 0;
  double new_reward_ = 0;
  std::vector<double> values_;  // one per verifier
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_RESCORE_TRACKER_H_
