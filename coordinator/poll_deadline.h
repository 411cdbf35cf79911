// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_POLL_DEADLINE_H_
#define COHORT_COORDINATOR_POLL_DEADLINE_H_

#include <google/protobuf/duration.pb.h>

#include <algorithm>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace cohort::coordinator {

// When a long poll of this length ends: now at the earliest, in 30 s at the latest.
inline absl::Time PollDeadline(const google::protobuf::Duration& wait) {
  const absl::Duration asked = absl::Seconds(wait.seconds()) + absl::Nanoseconds(wait.nanos());
  return absl::Now() + std::clamp(asked, absl::ZeroDuration(), absl::Seconds(30));
}

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_POLL_DEADLINE_H_
