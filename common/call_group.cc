// SPDX-License-Identifier: Apache-2.0
#include "common/call_group.h"

namespace cohort::common {

CallGroup::Member::Member(CallGroup* group, grpc::ClientContext* context) : group_(group), context_(context) {
  absl::MutexLock lock(&group_->mutex_);
  group_->contexts_.insert(context_);
  if (group_->is_cancelled_) context_->TryCancel();  // before its start: the call ends at once
}

CallGroup::Member::~Member() {
  absl::MutexLock lock(&group_->mutex_);
  group_->contexts_.erase(context_);
}

void CallGroup::Cancel() {
  absl::MutexLock lock(&mutex_);
  is_cancelled_ = true;
  for (grpc::ClientContext* context : contexts_) context->TryCancel();
}

bool CallGroup::IsCancelled() const {
  absl::MutexLock lock(&mutex_);
  return is_cancelled_;
}

}  // namespace cohort::common
