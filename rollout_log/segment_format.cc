// SPDX-License-Identifier: Apache-2.0
#include "rollout_log/segment_format.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status_macros.h"
#include "rollout_log/crc32c.h"

namespace cohort::rollout_log {
namespace {

constexpr std::string_view kMagic = "COHORTRL";
constexpr uint32_t kVersion = 1;
constexpr std::string_view kSuffix = ".rollouts";

void PutUint32(uint32_t value, std::string* out) {
  for (int shift = 0; shift < 32; shift += 8) out->push_back(static_cast<char>((value >> shift) & 0xFF));
}

uint32_t GetUint32(std::string_view bytes) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = (value << 8) | static_cast<uint8_t>(bytes[i]);
  return value;
}

}  // namespace

std::string SegmentFileName(int64_t segment) {
  return absl::StrCat(absl::Dec(segment, absl::kZeroPad10), absl::string_view(kSuffix.data(), kSuffix.size()));
}

int64_t SegmentOfFileName(std::string_view name) {
  if (name.size() <= kSuffix.size() || name.substr(name.size() - kSuffix.size()) != kSuffix) return -1;
  const absl::string_view digits(name.data(), name.size() - kSuffix.size());
  int64_t segment = -1;
  if (!absl::SimpleAtoi(digits, &segment) || segment < 0 || SegmentFileName(segment) != name) return -1;
  return segment;
}

std::string EncodeSegmentHeader() {
  std::string header(kMagic);
  PutUint32(kVersion, &header);
  PutUint32(Crc32c(header), &header);
  return header;
}

absl::Status CheckSegmentHeader(std::string_view bytes) {
  if (bytes.size() < static_cast<size_t>(kSegmentHeaderBytes)) {
    return absl::DataLossError(absl::StrCat("segment header: cut short (", bytes.size(), " bytes)"));
  }
  if (bytes.substr(0, kMagic.size()) != kMagic) return absl::DataLossError("segment header: not a rollout log");
  if (GetUint32(bytes.substr(12)) != Crc32c(bytes.substr(0, 12))) {
    return absl::DataLossError("segment header: wrong checksum");
  }
  const uint32_t version = GetUint32(bytes.substr(8));
  if (version != kVersion) {
    return absl::DataLossError(absl::StrCat("segment header: unknown version (", version, ")"));
  }
  return absl::OkStatus();
}

std::string EncodeRecord(std::string_view payload) {
  std::string record(kRecordHeaderBytes, '\0');
  record.reserve(kRecordHeaderBytes + payload.size());
  PutRecordHeader({.length_bytes = static_cast<int64_t>(payload.size()), .crc = Crc32c(payload)}, record.data());
  record.append(payload);
  return record;
}

void PutRecordHeader(const RecordHeader& header, char* bytes) {
  std::string encoded;
  PutUint32(static_cast<uint32_t>(header.length_bytes), &encoded);
  PutUint32(header.crc, &encoded);
  encoded.copy(bytes, kRecordHeaderBytes);
}

absl::StatusOr<RecordHeader> DecodeRecordHeader(std::string_view bytes) {
  const RecordHeader header{.length_bytes = GetUint32(bytes), .crc = GetUint32(bytes.substr(4))};
  if (header.length_bytes == 0 || header.length_bytes > kMaxPayloadBytes) {
    return absl::DataLossError(absl::StrCat("record header: impossible length (", header.length_bytes, ")"));
  }
  return header;
}

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

}  // namespace cohort::rollout_log
