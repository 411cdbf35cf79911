// SPDX-License-Identifier: Apache-2.0
#include "rollout_log/recorded_run.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "rollout_log/crc32c.h"
#include "rollout_log/segment_format.h"

namespace cohort::rollout_log {
namespace {

// A record of a file, by its place.
struct PlacedRecord {
  int64_t offset_bytes = 0;  // of the header
  RecordHeader header;
};

absl::Status DamageAt(std::string_view path, int64_t offset_bytes, std::string_view what) {
  return absl::DataLossError(absl::StrCat(std::string(path), ": ", std::string(what), ", offset ", offset_bytes));
}

absl::StatusOr<std::string> ReadBytes(std::string_view path, int64_t offset_bytes, int64_t num_bytes,
                                      const common::File& file) {
  std::string bytes(static_cast<size_t>(num_bytes), '\0');
  COHORT_ASSIGN_OR_RETURN(const int64_t num_read, file.Read(bytes.data(), num_bytes, offset_bytes));
  if (num_read == num_bytes) return bytes;
  return absl::UnavailableError(absl::StrCat(std::string(path), ": cannot be read, offset ", offset_bytes));
}

// The records that lie within the first `size` bytes as a whole.
absl::StatusOr<std::vector<PlacedRecord>> FindRecords(std::string_view path, int64_t size, const common::File& file) {
  std::vector<PlacedRecord> records;
  int64_t offset = 0;
  while (size - offset >= kRecordHeaderBytes) {
    COHORT_ASSIGN_OR_RETURN(const std::string bytes, ReadBytes(path, offset, kRecordHeaderBytes, file));
    const absl::StatusOr<RecordHeader> header = DecodeRecordHeader(bytes);
    if (!header.ok()) return DamageAt(path, offset, std::string(header.status().message()));
    if (size - offset - kRecordHeaderBytes < header->length_bytes) break;
    records.push_back({.offset_bytes = offset, .header = *header});
    offset += kRecordHeaderBytes + header->length_bytes;
  }
  return records;
}

absl::Status ReadMessage(std::string_view path, const PlacedRecord& record, const common::File& file,
                         google::protobuf::Message* message) {
  COHORT_ASSIGN_OR_RETURN(const std::string payload,
                          ReadBytes(path, record.offset_bytes + kRecordHeaderBytes, record.header.length_bytes, file));
  if (Crc32c(payload) != record.header.crc) return DamageAt(path, record.offset_bytes, "wrong checksum");
  if (!message->ParseFromString(payload)) return DamageAt(path, record.offset_bytes, "the record cannot be parsed");
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteRecordedRun(std::string_view path, const RecordedRunContents& contents, common::FileSystem* files) {
  std::string bytes = EncodeRecord(contents.run.SerializeAsString());
  for (const cohort::v1::RecordedStep& step : contents.steps) bytes += EncodeRecord(step.SerializeAsString());
  return common::WriteFileAtomically(files, path, bytes);
}

absl::Status AppendRecordedStep(std::string_view path, const cohort::v1::RecordedStep& step,
                                common::FileSystem* files) {
  return common::AppendToFile(files, path, EncodeRecord(step.SerializeAsString()));
}

absl::StatusOr<RecordedRunEnd> RepairRecordedRun(std::string_view path, common::FileSystem* files) {
  COHORT_ASSIGN_OR_RETURN(const auto file, files->Open(path, common::FileSystem::Mode::kUpdate));
  COHORT_ASSIGN_OR_RETURN(const int64_t size, file->SizeBytes());
  COHORT_ASSIGN_OR_RETURN(const std::vector<PlacedRecord> records, FindRecords(path, size, *file));
  if (records.empty()) return DamageAt(path, 0, "the run is missing");
  RecordedRunEnd end;
  COHORT_RETURN_IF_ERROR(ReadMessage(path, records.front(), *file, &end.run));
  end.num_steps = static_cast<int64_t>(records.size()) - 1;
  const PlacedRecord& last = records.back();
  if (end.num_steps > 0) {
    cohort::v1::RecordedStep step;
    COHORT_RETURN_IF_ERROR(ReadMessage(path, last, *file, &step));
    if (step.plan().version() != end.num_steps - 1) {
      return DamageAt(path, last.offset_bytes,
                      absl::StrCat("step ", step.plan().version(), " instead of ", end.num_steps - 1));
    }
    end.last_digest = step.digest();
  }
  const int64_t num_bytes = last.offset_bytes + kRecordHeaderBytes + last.header.length_bytes;
  if (num_bytes < size) COHORT_RETURN_IF_ERROR(file->Truncate(num_bytes));
  return end;
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
