// SPDX-License-Identifier: Apache-2.0
#include "cli/job_file.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/config/yaml_to_proto.h"
#include "common/sha256.h"

namespace cohort::cli {
namespace {

std::string IdOfPath(std::string_view path) {
  std::string id = absl::AsciiStrToLower(std::filesystem::path(path).stem().string());
  for (char& c : id) {
    if (c == '_' || c == '.' || c == ' ') c = '-';
  }
  return id;
}

// Sixteen bytes as a UUID of the given version.
std::string UuidOf(std::string bytes, char version) {
  bytes.resize(16);
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | (version << 4));
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  const std::string hex = common::HexOf(bytes);
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-", hex.substr(16, 4), "-",
                      hex.substr(20));
}

}  // namespace

absl::StatusOr<JobFile> LoadJobFile(std::string_view path, std::optional<int64_t> seed) {
  JobFile file{.path = std::string(path), .job_id = IdOfPath(path), .spec = {}};
  const absl::Status status = common::YamlFileToProto(path, &file.spec);
  if (!status.ok()) return absl::InvalidArgumentError(status.message());  // absent, a folder, no rights: bad usage
  // A RESCORE job draws nothing.
  if (seed.has_value() && !file.spec.has_rescore()) file.spec.mutable_training()->set_seed(*seed);
  return file;
}

cohort::v1::JobSpec SpecForValidation(const std::vector<JobFile>& files, size_t index) {
  cohort::v1::JobSpec spec = files[index].spec;
  for (size_t i = index; i-- > 0;) {
    if (spec.model().has_from_job() && files[i].job_id == spec.model().from_job()) {
      // Whose weights, not what they are computed in.
      const cohort::v1::ModelPrecision precision = spec.model().precision();
      *spec.mutable_model() = files[i].spec.model();
      spec.mutable_model()->set_precision(precision);
    }
  }
  return spec;
}

bool NeedsEarlierRun(const std::vector<JobFile>& files, size_t index) {
  const cohort::v1::JobSpec& spec = files[index].spec;
  return std::any_of(files.begin(), files.begin() + static_cast<std::ptrdiff_t>(index), [&](const JobFile& earlier) {
    return spec.has_rescore() && earlier.job_id == spec.rescore().job();
  });
}

absl::Status ForFile(const absl::Status& status, std::string_view path) {
  const std::string message = absl::StrCat(std::string(path), ": ", status.message());
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kFailedPrecondition:
      return absl::InvalidArgumentError(message);
    case absl::StatusCode::kOk:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
      return status;
    default:
      return absl::Status(status.code(), message);
  }
}

std::string RandomRequestId() {
  std::random_device random;
  std::string bytes;
  for (int i = 0; i < 16; ++i) bytes.push_back(static_cast<char>(random() & 0xff));
  return UuidOf(bytes, 4);
}

std::string ContentRequestId(const JobFile& file) {
  std::string serialized;
  {
    google::protobuf::io::StringOutputStream stream(&serialized);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    file.spec.SerializeToCodedStream(&coded);
  }
  return UuidOf(common::Sha256Of(absl::StrCat(file.job_id, "\n", serialized)), 8);
}

}  // namespace cohort::cli
