// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_ROLLOUT_PAGE_H_
#define COHORT_COORDINATOR_ROLLOUT_PAGE_H_

#include <cstdint>
#include <utility>

#include "cohort/v1/job_service.pb.h"

namespace cohort::coordinator {

// One answer of ListRollouts as it fills. Not thread-safe.
class RolloutPage final {
 public:
  // Bytes of the answer; what gRPC puts around it fits into the rest of 4 MiB.
  static constexpr int64_t kMaxBytes = int64_t{7} << 19;

  explicit RolloutPage(int max_groups) : max_groups_(max_groups) {}

  bool IsFull() const { return response_.rollouts_size() >= max_groups_; }
  void CountReleased() { response_.set_num_released_groups(response_.num_released_groups() + 1); }
  // Takes the completions of `stored` from `first` on, as far as they fit: the first that did not, or the number of
  // completions when all did. A completion that would not fit into an empty page comes without token ids, log-probs and
  // prompt.
  int Add(const cohort::v1::StoredRollouts& stored, int first);
  // Takes a group without completions. False when it does not fit.
  bool AddWhole(cohort::v1::StoredRollouts stored);
  cohort::v1::ListRolloutsResponse Take() { return std::move(response_); }

 private:
  const int max_groups_;
  int64_t num_bytes_ = 0;
  cohort::v1::ListRolloutsResponse response_;
};

// Leaves out token ids and log-probs.
void KeepTextOnly(cohort::v1::RolloutGroup* group);
// Leaves out the completions and the prompt's tokens, too.
void KeepTimingsOnly(cohort::v1::RolloutGroup* group);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_ROLLOUT_PAGE_H_
