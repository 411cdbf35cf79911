// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_STALL_WATCH_H_
#define COHORT_COORDINATOR_STALL_WATCH_H_

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "absl/time/time.h"
#include "coordinator/coordinator_metrics.h"

namespace cohort::coordinator {

// A job that has not moved for so long is stalled; with a tick a second it is named within 30 seconds.
inline constexpr absl::Duration kStallThreshold = absl::Seconds(28);

// What an unfinished job waits for.
struct WaitState {
  // Rises with everything that moves the job.
  int64_t progress = 0;
  // "rollout workers to claim 12 groups of version 3".
  std::string waits_for;
};

// Says who waits for what and since when once a job has not moved for `threshold`: a log line, again each time the
// stall has doubled, and the metric cohort_coordinator_stalled_seconds. Not thread-safe: one thread observes.
class StallWatch final {
 public:
  StallWatch(absl::Duration threshold, CoordinatorMetrics* metrics) : threshold_(threshold), metrics_(metrics) {}

  // True when it spoke.
  bool Observe(const std::string& job, const WaitState& state, absl::Duration now);
  // Forgets jobs that are not in `jobs`.
  void Keep(const std::unordered_set<std::string>& jobs);

 private:
  struct Watched {
    int64_t progress = -1;
    absl::Duration since;
    absl::Duration speak_after;
    double shown_seconds = -1;  // by the metric; of a job in a long queue it does not change
  };

  const absl::Duration threshold_;
  CoordinatorMetrics* const metrics_;
  std::unordered_map<std::string, Watched> jobs_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_STALL_WATCH_H_
