// SPDX-License-Identifier: Apache-2.0
#include "learner/run_together.h"

#include <ATen/ops/tensor.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"

namespace cohort::learner {
namespace {

// The thread beside the work.
class Pulse final {
 public:
  Pulse(model::ProcessGroup* group, const at::Device& device, const ReleasedCollectives* collectives,
        absl::Duration interval)
      : group_(group), device_(device), collectives_(collectives), interval_(interval), thread_([this] { Run(); }) {}

  void Release(int64_t count) {
    absl::MutexLock lock(&mutex_);
    const bool is_bounded = collectives_->count != ReleasedCollectives::kAsReleased;
    num_released_ = std::max(num_released_, is_bounded ? std::min(count, collectives_->count) : count);
  }

  // Waits for the peers when the work went well. Once.
  absl::Status Finish(bool is_work_ok) {
    {
      absl::MutexLock lock(&mutex_);
      is_over_ = true;
      is_failed_ = !is_work_ok;
      if (is_work_ok) num_released_ = std::max(num_released_, collectives_->count);
    }
    thread_.join();
    return status_;
  }

 private:
  // What a rank tells the others, and what all know after that.
  struct Progress {
    bool is_busy = true;
    int64_t num_released = 0;
  };

  void Run() {
    Progress common;
    while (common.is_busy) {
      Progress own;
      {
        absl::MutexLock lock(&mutex_);
        mutex_.AwaitWithTimeout(absl::Condition(this, &Pulse::HasNews), interval_);
        if (is_failed_) return;
        own = {.is_busy = !is_over_, .num_released = num_released_};
      }
      status_ = kernels::StatusFromTorch("together with the other ranks", [&]() -> absl::Status {
        COHORT_ASSIGN_OR_RETURN(common, Exchange(own));
        return RunUpTo(common.num_released);
      });
      if (status_.ok()) continue;
      if (collectives_->on_error != nullptr) collectives_->on_error(status_);
      return;
    }
  }

  bool HasNews() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return is_over_ || num_released_ > num_run_; }

  // Busy when any rank is; released is what every rank has released.
  absl::StatusOr<Progress> Exchange(const Progress& own) {
    at::Tensor state = at::tensor({int64_t{own.is_busy}, -own.num_released}, at::kLong).to(device_);
    COHORT_RETURN_IF_ERROR(group_->AllReduceMax(state));
    return Progress{.is_busy = state[0].item<int64_t>() > 0, .num_released = -state[1].item<int64_t>()};
  }

  absl::Status RunUpTo(int64_t count) {
    while (true) {
      int64_t index;
      {
        absl::MutexLock lock(&mutex_);
        if (num_run_ >= count) return absl::OkStatus();
        index = num_run_++;
      }
      COHORT_RETURN_IF_ERROR(collectives_->run(index));
    }
  }

  model::ProcessGroup* const group_;
  const at::Device device_;
  const ReleasedCollectives* const collectives_;
  const absl::Duration interval_;
  absl::Mutex mutex_;
  bool is_over_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_failed_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t num_released_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t num_run_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_;  // of the thread, read after it has ended
  std::thread thread_;   // last: it uses the others
};

absl::Status RunAlone(const ReleasedCollectives& collectives,
                      const std::function<absl::Status(const CollectiveRelease&)>& work) {
  std::atomic<int64_t> num_released{0};
  COHORT_RETURN_IF_ERROR(work([&](int64_t count) { num_released = std::max(num_released.load(), count); }));
  const bool is_bounded = collectives.count != ReleasedCollectives::kAsReleased;
  const int64_t count = is_bounded ? collectives.count : num_released.load();
  return kernels::StatusFromTorch("collectives", [&]() -> absl::Status {
    for (int64_t i = 0; i < count; ++i) COHORT_RETURN_IF_ERROR(collectives.run(i));
    return absl::OkStatus();
  });
}

}  // namespace

absl::Status RunTogether(model::ProcessGroup* group, const at::Device& device,
                         const std::function<absl::Status()>& work, absl::Duration pulse_interval) {
  return RunTogether(
      group, device, ReleasedCollectives(), [&work](const CollectiveRelease&) { return work(); }, pulse_interval);
}

absl::Status RunTogether(model::ProcessGroup* group, const at::Device& device, const ReleasedCollectives& collectives,
                         const std::function<absl::Status(const CollectiveRelease&)>& work,
                         absl::Duration pulse_interval) {
  if (group->world_size() == 1) return RunAlone(collectives, work);
  Pulse pulse(group, device, &collectives, pulse_interval);
  const absl::Status done = work([&pulse](int64_t count) { pulse.Release(count); });
  const absl::Status together = pulse.Finish(done.ok());
  return done.ok() ? together : done;
}

}  // namespace cohort::learner
