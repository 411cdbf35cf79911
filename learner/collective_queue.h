// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_COLLECTIVE_QUEUE_H_
#define COHORT_LEARNER_COLLECTIVE_QUEUE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "learner/run_together.h"
#include "model/parallel/process_group.h"

namespace cohort::learner {

// Collectives that work asks for as it goes on, in the same order on every rank, and waits for where it needs them.
// They run on the second thread of RunTogether, each as soon as every rank has asked for it: so the work goes on
// meanwhile, and a rank that is late keeps nobody waiting in a collective. In a world of one they run when they are
// asked for. One Run; `group` must outlive it.
class CollectiveQueue final {
 public:
  CollectiveQueue(model::ProcessGroup* group, const at::Device& device)
      : group_(group), device_(device), is_alone_(group->world_size() == 1) {}

  // RunTogether with `work`, which may call the other methods from one thread at a time. When this returns OK all
  // collectives were made.
  absl::Status Run(const std::function<absl::Status()>& work);

  model::ProcessGroup* group() const { return group_; }
  // Asks for the next collective and returns its number. It may throw what LibTorch throws, and what it uses must stay
  // until it has been made.
  int64_t Add(std::function<absl::Status()> collective);
  // Returns when the collective of that number has been made. UNAVAILABLE or DEADLINE_EXCEEDED: a peer is lost.
  absl::Status Wait(int64_t number);

 private:
  absl::Status RunOne(int64_t number);

  model::ProcessGroup* const group_;
  const at::Device device_;
  const bool is_alone_;
  CollectiveRelease release_;
  absl::Mutex mutex_;
  std::vector<std::function<absl::Status()>> collectives_ ABSL_GUARDED_BY(mutex_);
  int64_t num_made_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  bool is_told_ ABSL_GUARDED_BY(mutex_) = false;  // the work knows that status_ is an error
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_COLLECTIVE_QUEUE_H_
