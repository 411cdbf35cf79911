// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/worker_condition.h"

#include "absl/strings/str_cat.h"

namespace cohort::rollout_worker {
namespace {

constexpr int kMaxSandboxFailures = 6;

}  // namespace

void WorkerCondition::CoordinatorAnswered(std::string_view set_aside) {
  absl::MutexLock lock(&mutex_);
  has_heard_ = true;
  coordinator_.clear();
  set_aside_.clear();
  if (!set_aside.empty()) set_aside_ = absl::StrCat("set aside by the coordinator: ", std::string(set_aside));
  Report();
}

void WorkerCondition::CoordinatorFailed(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  coordinator_ = absl::StrCat("coordinator: ", status.ToString());
  Report();
}

void WorkerCondition::SubmitAnswered() {
  absl::MutexLock lock(&mutex_);
  submits_.clear();
  Report();
}

void WorkerCondition::SubmitFailed(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  submits_ = absl::StrCat("submitting groups: ", status.ToString());
  Report();
}

void WorkerCondition::FoundNoWork() {
  absl::MutexLock lock(&mutex_);
  groups_.clear();
  owes_pause_ = false;
  backoff_.Reset();
  Report();
}

void WorkerCondition::GroupFailed(const absl::Status& status) {
  absl::MutexLock lock(&mutex_);
  groups_ = absl::StrCat("groups fail: ", status.ToString());
  owes_pause_ = true;
  Report();
}

void WorkerCondition::SandboxFailed(const absl::Status& status) {
  GroupFailed(status);
  absl::MutexLock lock(&mutex_);
  if (++num_sandbox_failures_ < kMaxSandboxFailures) return;
  fatal_ = absl::Status(status.code(), absl::StrCat("scoring failed ", num_sandbox_failures_,
                                                    " times in a row: ", std::string(status.message())));
}

void WorkerCondition::GroupScored() {
  absl::MutexLock lock(&mutex_);
  groups_.clear();
  owes_pause_ = false;
  backoff_.Reset();
  num_sandbox_failures_ = 0;
  Report();
}

void WorkerCondition::Drain() {
  absl::MutexLock lock(&mutex_);
  is_draining_ = true;
  Report();
}

absl::Duration WorkerCondition::TakePause() {
  absl::MutexLock lock(&mutex_);
  if (!owes_pause_) return absl::ZeroDuration();
  owes_pause_ = false;
  return backoff_.Next();
}

bool WorkerCondition::IsFailing() const {
  absl::MutexLock lock(&mutex_);
  return !groups_.empty();
}

absl::Status WorkerCondition::fatal() const {
  absl::MutexLock lock(&mutex_);
  return fatal_;
}

void WorkerCondition::Report() {
  if (is_draining_) return health_->SetNotReady("draining");
  if (!coordinator_.empty()) return health_->SetNotReady(coordinator_);
  if (!submits_.empty()) return health_->SetNotReady(submits_);
  if (!groups_.empty()) return health_->SetNotReady(groups_);
  if (!set_aside_.empty()) return health_->SetNotReady(set_aside_);
  if (has_heard_) health_->SetReady();
}

}  // namespace cohort::rollout_worker
