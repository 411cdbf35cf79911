// SPDX-License-Identifier: Apache-2.0
#include "learner/run_together.h"

#include <ATen/ops/full.h>

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "kernels/torch/torch_status.h"

namespace cohort::learner {
namespace {

// The thread beside the work.
class Pulse final {
 public:
  Pulse(model::ProcessGroup* group, const at::Device& device, absl::Duration interval)
      : group_(group), device_(device), interval_(interval), thread_([this] { Run(); }) {}

  // Waits for the peers when the work went well. Once.
  absl::Status Finish(bool is_work_ok) {
    {
      absl::MutexLock lock(&mutex_);
      is_over_ = true;
      is_failed_ = !is_work_ok;
    }
    thread_.join();
    return status_;
  }

 private:
  void Run() {
    bool is_anyone_busy = true;
    while (is_anyone_busy) {
      bool is_busy;
      {
        absl::MutexLock lock(&mutex_);
        mutex_.AwaitWithTimeout(absl::Condition(&is_over_), interval_);
        if (is_failed_) return;
        is_busy = !is_over_;
      }
      status_ = kernels::StatusFromTorch("waiting for the other ranks", [&]() -> absl::Status {
        at::Tensor busy = at::full({1}, is_busy ? 1 : 0, at::TensorOptions().dtype(at::kLong).device(device_));
        const absl::Status reduced = group_->AllReduceMax(busy);
        if (reduced.ok()) is_anyone_busy = busy.item<int64_t>() > 0;
        return reduced;
      });
      if (!status_.ok()) return;
    }
  }

  model::ProcessGroup* const group_;
  const at::Device device_;
  const absl::Duration interval_;
  absl::Mutex mutex_;
  bool is_over_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_failed_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_;  // of the thread, read after it has ended
  std::thread thread_;   // last: it uses the others
};

}  // namespace

absl::Status RunTogether(model::ProcessGroup* group, const at::Device& device,
                         const std::function<absl::Status()>& work, absl::Duration pulse_interval) {
  if (group->world_size() == 1) return work();
  Pulse pulse(group, device, pulse_interval);
  const absl::Status done = work();
  const absl::Status together = pulse.Finish(done.ok());
  return done.ok() ? together : done;
}

}  // namespace cohort::learner
