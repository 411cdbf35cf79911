// SPDX-License-Identifier: Apache-2.0
#include "learner/collective_queue.h"

#include <utility>

#include "kernels/torch/torch_status.h"

namespace cohort::learner {

absl::Status CollectiveQueue::Run(const std::function<absl::Status()>& work) {
  if (is_alone_) {
    const absl::Status done = work();
    absl::MutexLock lock(&mutex_);
    return done.ok() || is_told_ ? status_ : done;
  }
  const ReleasedCollectives collectives = {.count = ReleasedCollectives::kAsReleased,
                                           .run = [this](int64_t number) { return RunOne(number); },
                                           .on_error =
                                               [this](const absl::Status& status) {
                                                 absl::MutexLock lock(&mutex_);
                                                 status_ = status;
                                               }};
  const absl::Status together = RunTogether(group_, device_, collectives, [&](const CollectiveRelease& release) {
    release_ = release;
    return work();
  });
  // Work that was told of a lost peer ends with an error of its own.
  absl::MutexLock lock(&mutex_);
  return is_told_ ? status_ : together;
}

int64_t CollectiveQueue::Add(std::function<absl::Status()> collective) {
  int64_t number;
  {
    absl::MutexLock lock(&mutex_);
    number = static_cast<int64_t>(collectives_.size());
    collectives_.push_back(is_alone_ ? nullptr : std::move(collective));
  }
  if (!is_alone_) {
    release_(number + 1);
    return number;
  }
  const absl::Status made = kernels::StatusFromTorch("collective", collective);
  absl::MutexLock lock(&mutex_);
  status_.Update(made);
  ++num_made_;
  return number;
}

absl::Status CollectiveQueue::Wait(int64_t number) {
  absl::MutexLock lock(&mutex_);
  const auto is_over = [this, number] {
    mutex_.AssertReaderHeld();
    return num_made_ > number || !status_.ok();
  };
  mutex_.Await(absl::Condition(&is_over));
  is_told_ = is_told_ || !status_.ok();
  return status_;
}

absl::Status CollectiveQueue::RunOne(int64_t number) {
  std::function<absl::Status()> collective;
  {
    absl::MutexLock lock(&mutex_);
    collective = std::move(collectives_[static_cast<size_t>(number)]);
  }
  const absl::Status made = collective();
  absl::MutexLock lock(&mutex_);
  if (made.ok()) ++num_made_;
  return made;
}

}  // namespace cohort::learner
