// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_CLAIM_MESSAGES_H_
#define COHORT_COORDINATOR_CLAIM_MESSAGES_H_

#include <grpcpp/support/message_allocator.h>

#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "cohort/v1/rollout_service.pb.h"

namespace cohort::coordinator {

// Requests and answers of claims, used again: an answer of 64 groups is some hundred allocations, which the next one
// finds made. Keeps a few of moderate size. Thread-safe; must outlive the server and all calls.
class ClaimMessages final
    : public grpc::MessageAllocator<cohort::v1::ClaimGroupsRequest, cohort::v1::ClaimGroupsResponse> {
 public:
  using Holder = grpc::MessageHolder<cohort::v1::ClaimGroupsRequest, cohort::v1::ClaimGroupsResponse>;

  ClaimMessages();
  ~ClaimMessages() override;

  // Empty messages; back here by their Release.
  Holder* AllocateMessages() override ABSL_LOCKS_EXCLUDED(mutex_);
  int NumKept() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  class Pair;
  void TakeBack(Pair* pair) ABSL_LOCKS_EXCLUDED(mutex_);

  mutable absl::Mutex mutex_;
  std::vector<std::unique_ptr<Pair>> kept_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_CLAIM_MESSAGES_H_
