// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_LOG_ROLLOUT_READER_H_
#define COHORT_ROLLOUT_LOG_ROLLOUT_READER_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "cohort/v1/rollout.pb.h"
#include "rollout_log/rollout_log.h"

namespace cohort::rollout_log {

// One record of the log in `directory`, which may be growing under another process: nothing is opened for writing, no
// tail is cut. NOT_FOUND when the segment is gone; DATA_LOSS names segment and offset when bytes are missing or the
// checksum is wrong. Thread-safe.
absl::StatusOr<cohort::v1::RolloutGroup> ReadRollouts(std::string_view directory, const RecordLocation& location);

}  // namespace cohort::rollout_log

#endif  // COHORT_ROLLOUT_LOG_ROLLOUT_READER_H_
