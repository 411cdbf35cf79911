// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_CALL_GROUP_H_
#define COHORT_COMMON_CALL_GROUP_H_

#include <grpcpp/client_context.h>

#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace cohort::common {

// Blocking calls that end together when their owner stops. Thread-safe; must outlive the calls.
//
//   grpc::ClientContext context;
//   const CallGroup::Member member(&calls_, &context);
//   stub_->Claim(&context, ...);
class CallGroup final {
 public:
  // One call, for the scope around it.
  class Member final {
   public:
    Member(CallGroup* group, grpc::ClientContext* context);
    ~Member();
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

   private:
    CallGroup* const group_;
    grpc::ClientContext* const context_;
  };

  // Ends the calls under way, and every later one, with CANCELLED.
  void Cancel() ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsCancelled() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable absl::Mutex mutex_;
  std::set<grpc::ClientContext*> contexts_ ABSL_GUARDED_BY(mutex_);
  bool is_cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cohort::common

#endif  // COHORT_COMMON_CALL_GROUP_H_
