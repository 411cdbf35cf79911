// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_CLAIM_MESSAGES_H_
#define COHORT_COORDINATOR_CLAIM_MESSAGES_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "cohort/v1/rollout_service.pb.h"

namespace cohort::coordinator {

// An answer to a claim, with what is known of its memory. Not thread-safe.
class ClaimAnswer final {
 public:
  cohort::v1::ClaimGroupsResponse* message() { return &message_; }

 private:
  friend class ClaimMessages;
  // After each use: whether it holds more memory than is kept.
  bool IsLarge();

  cohort::v1::ClaimGroupsResponse message_;
  int largest_sent_ = 0;  // bytes
  int64_t num_uses_ = 0;
};

// Answers to claims, used again: one of 64 groups is some hundred allocations, which the next one finds made. Keeps a
// few of moderate size. Thread-safe.
class ClaimMessages final {
 public:
  // Empty.
  std::unique_ptr<ClaimAnswer> Take() ABSL_LOCKS_EXCLUDED(mutex_);
  // Once it was serialized, or is not sent.
  void TakeBack(std::unique_ptr<ClaimAnswer> answer) ABSL_LOCKS_EXCLUDED(mutex_);
  int NumKept() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable absl::Mutex mutex_;
  std::vector<std::unique_ptr<ClaimAnswer>> kept_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_CLAIM_MESSAGES_H_
