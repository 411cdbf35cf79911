// SPDX-License-Identifier: Apache-2.0
#include "coordinator/segment_cleanup.h"

#include <algorithm>
#include <vector>

#include "common/status_macros.h"
#include "common/telemetry/log.h"

namespace cohort::coordinator {

absl::StatusOr<int64_t> RemoveUnusedSegments(JobStore* store, rollout_log::RolloutLog* log, int64_t limit) {
  // In this order: a row that refers to a finished segment was stored before the segment was.
  COHORT_ASSIGN_OR_RETURN(const std::vector<int64_t> finished, log->FinishedSegments());
  if (finished.empty()) return 0;
  COHORT_ASSIGN_OR_RETURN(const std::vector<int64_t> in_use, store->SegmentsInUse());
  int64_t num_removed = 0;
  for (const int64_t segment : finished) {
    if (num_removed == limit) break;
    if (std::binary_search(in_use.begin(), in_use.end(), segment)) continue;
    COHORT_RETURN_IF_ERROR(log->RemoveSegment(segment));
    log::Info("segment_removed", {{"segment", segment}});
    ++num_removed;
  }
  return num_removed;
}

}  // namespace cohort::coordinator
