// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_RUN_TOGETHER_H_
#define COHORT_LEARNER_RUN_TOGETHER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "model/parallel/process_group.h"

namespace cohort::learner {

// Runs `work` on this rank and returns when the work of every rank is done, however different their times: meanwhile a
// second thread tells the peers every `pulse` that this rank lives, so that a collective never waits longer than that
// for a rank that is only busy. `pulse` is shorter than the group's timeout. Every rank calls it at the same time;
// `work` must not use the group.
//
// Returns the error of `work` without telling the peers, which stay in their collective until this rank's group is
// destroyed: time to report what is wrong. UNAVAILABLE or DEADLINE_EXCEEDED: a peer is lost; `work` has ended all the
// same.
absl::Status RunTogether(model::ProcessGroup* group, const at::Device& device,
                         const std::function<absl::Status()>& work, absl::Duration pulse = absl::Seconds(5));

// Collectives 0 .. count - 1 of work under way, the same on every rank.
struct ReleasedCollectives {
  // As many as the work releases, the same number on every rank.
  static constexpr int64_t kAsReleased = -1;

  int64_t count = 0;
  // Makes one of them. Runs on the thread that sends the pulses, the only one that uses the group. May throw what
  // LibTorch throws.
  std::function<absl::Status(int64_t index)> run;
  // Where it is set, called on that thread when one of them fails or a peer is lost: no other runs.
  std::function<void(const absl::Status& status)> on_error = {};
};

// Called by the work, from any thread: the first `count` collectives may run as far as this rank is concerned.
using CollectiveRelease = std::function<void(int64_t count)>;

// The same with collectives that begin while the work goes on: a pulse says how many this rank has released, and the
// next one runs as soon as every rank has released it. So a rank that is late keeps nobody waiting in one of them, and
// their order is fixed whatever the times are. Work that is done has released all. When this returns OK all were made;
// an error of one is returned when the work has ended. In a world of one they run after the work.
absl::Status RunTogether(model::ProcessGroup* group, const at::Device& device, const ReleasedCollectives& collectives,
                         const std::function<absl::Status(const CollectiveRelease&)>& work,
                         absl::Duration pulse = absl::Seconds(5));

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_RUN_TOGETHER_H_
