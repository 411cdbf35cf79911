// SPDX-License-Identifier: Apache-2.0
#include "rollout_log/recorded_run.h"

#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "rollout_log/crc32c.h"
#include "rollout_log/segment_format.h"

namespace cohort::rollout_log {
namespace {

// Takes the first record off `bytes`; false when the rest is too short to be one.
absl::StatusOr<bool> TakeRecord(std::string_view* bytes, std::string_view* payload) {
  if (bytes->size() < kRecordHeaderBytes) return false;
  COHORT_ASSIGN_OR_RETURN(const RecordHeader header, DecodeRecordHeader(bytes->substr(0, kRecordHeaderBytes)));
  bytes->remove_prefix(kRecordHeaderBytes);
  if (static_cast<int64_t>(bytes->size()) < header.length_bytes) return false;
  *payload = bytes->substr(0, header.length_bytes);
  bytes->remove_prefix(header.length_bytes);
  if (Crc32c(*payload) != header.crc) return absl::DataLossError("wrong checksum");
  return true;
}

}  // namespace

absl::Status WriteRecordedRun(std::string_view path, const RecordedRunContents& contents) {
  std::string bytes = EncodeRecord(contents.run.SerializeAsString());
  for (const cohort::v1::RecordedStep& step : contents.steps) bytes += EncodeRecord(step.SerializeAsString());
  return common::WriteFileAtomically(path, bytes);
}

absl::Status AppendRecordedStep(std::string_view path, const cohort::v1::RecordedStep& step) {
  std::ofstream file(std::string(path), std::ios::app | std::ios::binary);
  file << EncodeRecord(step.SerializeAsString()) << std::flush;
  if (!file) return absl::UnavailableError(absl::StrCat(std::string(path), ": cannot append"));
  return absl::OkStatus();
}

absl::StatusOr<RecordedRunContents> ReadRecordedRun(std::string_view path) {
  COHORT_ASSIGN_OR_RETURN(const std::string bytes, common::ReadFile(path));
  RecordedRunContents contents;
  std::string_view rest = bytes;
  bool is_first = true;
  while (true) {
    const size_t offset = bytes.size() - rest.size();
    const auto data_loss = [&](std::string_view what) {
      return absl::DataLossError(absl::StrCat(std::string(path), ": ", std::string(what), ", offset ", offset));
    };
    std::string_view payload;
    const absl::StatusOr<bool> taken = TakeRecord(&rest, &payload);
    if (!taken.ok()) return data_loss(std::string(taken.status().message()));
    if (!*taken) break;
    google::protobuf::Message* message = &contents.run;
    if (!is_first) message = &contents.steps.emplace_back();
    if (!message->ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
      return data_loss("the record cannot be parsed");
    }
    if (!is_first && contents.steps.back().plan().version() != static_cast<int64_t>(contents.steps.size()) - 1) {
      return data_loss(
          absl::StrCat("step ", contents.steps.back().plan().version(), " instead of ", contents.steps.size() - 1));
    }
    is_first = false;
  }
  if (is_first) return absl::DataLossError(absl::StrCat(std::string(path), ": the run is missing, offset 0"));
  return contents;
}

cohort::v1::LogLocation ToProto(const RecordLocation& location) {
  cohort::v1::LogLocation proto;
  proto.set_segment(location.segment);
  proto.set_offset_bytes(location.offset_bytes);
  proto.set_length_bytes(location.length_bytes);
  proto.set_crc(location.crc);
  return proto;
}

RecordLocation FromProto(const cohort::v1::LogLocation& location) {
  return {.segment = location.segment(),
          .offset_bytes = location.offset_bytes(),
          .length_bytes = location.length_bytes(),
          .crc = location.crc()};
}

}  // namespace cohort::rollout_log
