// SPDX-License-Identifier: Apache-2.0
#include "rollout_log/rollout_reader.h"

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "rollout_log/crc32c.h"
#include "rollout_log/segment_format.h"

namespace cohort::rollout_log {

absl::StatusOr<cohort::v1::RolloutGroup> ReadRollouts(std::string_view directory, const RecordLocation& location) {
  const std::string path = absl::StrCat(std::string(directory), "/", SegmentFileName(location.segment));
  const auto data_loss = [&](std::string_view what) {
    return absl::DataLossError(absl::StrCat(path, ": ", std::string(what), ", offset ", location.offset_bytes));
  };
  if (location.offset_bytes < 0 || location.length_bytes <= 0 || location.length_bytes > kMaxPayloadBytes) {
    return data_loss(absl::StrCat("no such record (", location.length_bytes, " bytes)"));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot open the segment"));
  std::string bytes(kRecordHeaderBytes + location.length_bytes, '\0');
  file.seekg(location.offset_bytes);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file) return data_loss("ends inside the record");
  COHORT_ASSIGN_OR_RETURN(const RecordHeader header,
                          DecodeRecordHeader(std::string_view(bytes).substr(0, kRecordHeaderBytes)));
  const std::string_view payload = std::string_view(bytes).substr(kRecordHeaderBytes);
  if (header.length_bytes != location.length_bytes || header.crc != location.crc || Crc32c(payload) != location.crc) {
    return data_loss("wrong checksum");
  }
  cohort::v1::RolloutGroup group;
  if (!group.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return data_loss("the record is no RolloutGroup");
  }
  return group;
}

}  // namespace cohort::rollout_log
