// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_LOG_SEGMENT_FORMAT_H_
#define COHORT_ROLLOUT_LOG_SEGMENT_FORMAT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cohort::rollout_log {

// The byte format of a segment file, described in docs/rollout_log.md. Pure functions over bytes; numbers are
// little-endian.
inline constexpr int64_t kSegmentHeaderBytes = 16;
inline constexpr int64_t kRecordHeaderBytes = 8;
inline constexpr int64_t kMaxPayloadBytes = int64_t{1} << 30;

// What stands before a payload.
struct RecordHeader {
  int64_t length_bytes = 0;
  uint32_t crc = 0;
};

// Name of a segment's file: "0000000007.rollouts".
std::string SegmentFileName(int64_t segment);
// The number in a segment's file name, or -1 when it is none.
int64_t SegmentOfFileName(std::string_view name);

std::string EncodeSegmentHeader();
// DATA_LOSS says what is wrong with the 16 bytes: magic, version or checksum.
absl::Status CheckSegmentHeader(std::string_view bytes);

// Header and payload as they are written.
std::string EncodeRecord(std::string_view payload);
// The header alone, into kRecordHeaderBytes bytes before the payload.
void PutRecordHeader(const RecordHeader& header, char* bytes);
// `bytes` are kRecordHeaderBytes long. DATA_LOSS when the length is impossible.
absl::StatusOr<RecordHeader> DecodeRecordHeader(std::string_view bytes);
// Takes the first record off `bytes`; false when the rest is too short to be one. DATA_LOSS: the length is impossible
// or the checksum wrong.
absl::StatusOr<bool> TakeRecord(std::string_view* bytes, std::string_view* payload);

}  // namespace cohort::rollout_log

#endif  // COHORT_ROLLOUT_LOG_SEGMENT_FORMAT_H_
