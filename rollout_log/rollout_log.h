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
#include "common/file_system.h"

namespace cohort::rollout_log {

// Where a record is.
struct RecordLocation {
  int64_t segment = 0;
  int64_t offset_bytes = 0;
  int64_t length_bytes = 0;  // payload, without header
  uint32_t crc = 0;          // CRC-32C of the payload
};

inline constexpr int64_t kDefaultMaxSegmentBytes = int64_t{64} << 20;

// Append-only record of rollout groups in segment files of one folder (format: docs/rollout_log.md). Thread-safe. Calls
// that append at the same time share one fdatasync: whoever finds nobody writing writes what waits, in order of
// arrival.
class RolloutLog {
 public:
  // Opens or creates the folder. A tail beyond `end` (the last location that the store refers to; all zero when none)
  // is torn and cut off; segments below it may be missing. DATA_LOSS names segment and offset of what is missing or
  // wrong below `end`, NOT_FOUND its segment when that is gone. A segment that has reached `max_segment_bytes` is
  // followed by a new one. `files` must outlive the log.
  static absl::StatusOr<std::unique_ptr<RolloutLog>> Open(std::string_view directory, const RecordLocation& end,
                                                          int64_t max_segment_bytes = kDefaultMaxSegmentBytes,
                                                          common::FileSystem* files = common::RealFileSystem());
  virtual ~RolloutLog() = default;

  // Durable (fdatasync) when it returns. On failure (a full disk, say) the log is as before.
  virtual absl::StatusOr<RecordLocation> Append(const cohort::v1::RolloutGroup& group) = 0;
  // Several at the price of one fdatasync. All or none. Calls that share an fdatasync share its failure.
  virtual absl::StatusOr<std::vector<RecordLocation>> AppendAll(
      const std::vector<const cohort::v1::RolloutGroup*>& groups) = 0;
  // Appends that wait for the fdatasync of those before them: at most one of every caller.
  virtual int64_t NumWaiting() const = 0;
  // DATA_LOSS names segment and offset when the checksum is wrong; NOT_FOUND when the segment is gone.
  virtual absl::StatusOr<cohort::v1::RolloutGroup> Read(const RecordLocation& location) const = 0;

  // Whoever appended records says so when the store refers to them, or never will. Before that their segment stays.
  virtual void Settle(const std::vector<RecordLocation>& locations) = 0;
  // Segments that get no further record and whose records are all settled, rising. What the store says afterwards about
  // who refers to them can only become less.
  virtual absl::StatusOr<std::vector<int64_t>> FinishedSegments() const = 0;
  // Deletes a finished segment that nothing refers to, for good. OK when it is gone already; FAILED_PRECONDITION when
  // it is not finished.
  virtual absl::Status RemoveSegment(int64_t segment) = 0;
};

}  // namespace cohort::rollout_log

#endif  // COHORT_ROLLOUT_LOG_ROLLOUT_LOG_H_
