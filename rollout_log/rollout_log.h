// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_LOG_ROLLOUT_LOG_H_
#define COHORT_ROLLOUT_LOG_ROLLOUT_LOG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/rollout.pb.h"

namespace cohort::rollout_log {

// Where a record is.
struct RecordLocation {
  int64_t segment = 0;
  int64_t offset_bytes = 0;
  int64_t length_bytes = 0;  // payload, without header
  uint32_t crc = 0;          // CRC-32C of the payload
};

inline constexpr int64_t kDefaultMaxSegmentBytes = int64_t{64} << 20;

// Append-only record of rollout groups in segment files of one folder (format: docs/rollout_log.md). Thread-safe.
class RolloutLog {
 public:
  // Opens or creates the folder. A tail beyond `end` (the last location that the store refers to; all zero when none)
  // is torn and cut off. DATA_LOSS names segment and offset of what is missing or wrong below `end`. A segment that has
  // reached `max_segment_bytes` is followed by a new one.
  static absl::StatusOr<std::unique_ptr<RolloutLog>> Open(std::string_view directory, const RecordLocation& end,
                                                          int64_t max_segment_bytes = kDefaultMaxSegmentBytes);
  virtual ~RolloutLog() = default;

  // Durable (fdatasync) when it returns. On failure (a full disk, say) the log is as before.
  virtual absl::StatusOr<RecordLocation> Append(const cohort::v1::RolloutGroup& group) = 0;
  // Several at the price of one fdatasync. All or none.
  virtual absl::StatusOr<std::vector<RecordLocation>> AppendAll(
      const std::vector<const cohort::v1::RolloutGroup*>& groups) = 0;
  // DATA_LOSS names segment and offset when the checksum is wrong.
  virtual absl::StatusOr<cohort::v1::RolloutGroup> Read(const RecordLocation& location) const = 0;
};

}  // namespace cohort::rollout_log

#endif  // COHORT_ROLLOUT_LOG_ROLLOUT_LOG_H_
