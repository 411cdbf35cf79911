// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_RUN_TOGETHER_H_
#define COHORT_LEARNER_RUN_TOGETHER_H_

#include <ATen/core/Tensor.h>

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

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_RUN_TOGETHER_H_
