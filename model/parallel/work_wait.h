// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_PARALLEL_WORK_WAIT_H_
#define COHORT_MODEL_PARALLEL_WORK_WAIT_H_

#include <torch/csrc/distributed/c10d/Work.hpp>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace cohort::model {

// Waits on the host until an asynchronous collective has ended, then orders the current stream behind it. A collective
// counts as completed when it failed, too: its error is read after that and thrown. DEADLINE_EXCEEDED when it has not
// ended after `timeout`; it then still runs, and the caller aborts the communicator.
absl::Status WaitOnHost(c10d::Work& work, absl::Duration timeout);

}  // namespace cohort::model

#endif  // COHORT_MODEL_PARALLEL_WORK_WAIT_H_
