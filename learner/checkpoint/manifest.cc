// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/manifest.h"

#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/status_macros.h"

namespace cohort::learner {
namespace {

constexpr int kFormatVersion = 1;
constexpr size_t kReadBytes = 1 << 20;

std::string PathOf(std::string_view directory, std::string_view name) {
  return std::string(directory) + "/" + std::string(name);
}

// A file that is not there, is none, or that the disk cannot read (EIO is UNKNOWN) is lost; a lack of rights or
// descriptors says nothing about it.
absl::Status ReadError(const absl::Status& status) {
  const bool is_lost = absl::IsNotFound(status) || absl::IsUnknown(status) || absl::IsFailedPrecondition(status);
  return is_lost ? absl::DataLossError(status.message()) : status;
}

absl::StatusOr<int64_t> SizeOf(common::FileSystem* files, const std::string& path) {
  COHORT_ASSIGN_OR_RETURN(const auto file, files->Open(path, common::FileSystem::Mode::kRead));
  return file->SizeBytes();
}

absl::StatusOr<CheckpointManifest> ParseManifest(const std::string& text, const std::string& path) {
  CheckpointManifest manifest;
  try {
    const nlohmann::json root = nlohmann::json::parse(text);
    if (root.at("format_version").get<int>() != kFormatVersion) {
      return absl::UnimplementedError(
          absl::StrCat(path, ": unknown format_version (", root.at("format_version").dump(), ")"));
    }
    manifest.policy_version = root.at("policy_version").get<int64_t>();
    manifest.weight_digest = root.at("weight_digest").get<std::string>();
    for (const nlohmann::json& file : root.at("files")) {
      manifest.files.push_back({.name = file.at("name").get<std::string>(),
                                .size_bytes = file.at("size_bytes").get<int64_t>(),
                                .sha256 = file.at("sha256").get<std::string>()});
      if (manifest.files.back().name.find('/') != std::string::npos) {
        return absl::DataLossError(absl::StrCat(path, ": not a plain file name (", manifest.files.back().name, ")"));
      }
    }
  } catch (const std::exception& error) {
    return absl::DataLossError(absl::StrCat(path, ": not a manifest (", error.what(), ")"));
  }
  return manifest;
}

absl::StatusOr<ManifestEntry> DescribeFile(std::string_view directory, std::string_view name,
                                           common::FileSystem* files) {
  COHORT_ASSIGN_OR_RETURN(const auto file, files->Open(PathOf(directory, name), common::FileSystem::Mode::kRead));
  ManifestEntry entry;
  entry.name = std::string(name);
  common::Sha256 hash;
  std::string buffer(kReadBytes, '\0');
  while (true) {
    COHORT_ASSIGN_OR_RETURN(const int64_t size_bytes,
                            file->Read(buffer.data(), static_cast<int64_t>(buffer.size()), entry.size_bytes));
    if (size_bytes == 0) break;
    hash.Update(buffer.data(), static_cast<size_t>(size_bytes));
    entry.size_bytes += size_bytes;
  }
  entry.sha256 = common::HexOf(hash.Finish());
  return entry;
}

absl::Status CheckFile(std::string_view directory, const ManifestEntry& expected, common::FileSystem* files) {
  COHORT_RETURN_IF_ERROR(CheckSize(directory, expected, files));
  const absl::StatusOr<ManifestEntry> found = DescribeFile(directory, expected.name, files);
  if (!found.ok()) return ReadError(found.status());
  if (found->sha256 == expected.sha256) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(PathOf(directory, expected.name), ": checksum differs from the manifest (", found->sha256, ")"));
}

}  // namespace

absl::StatusOr<std::vector<ManifestEntry>> DescribeFiles(std::string_view directory,
                                                         const std::vector<std::string>& names,
                                                         common::FileSystem* files) {
  std::vector<ManifestEntry> entries;
  for (const std::string& name : names) {
    COHORT_ASSIGN_OR_RETURN(ManifestEntry entry, DescribeFile(directory, name, files));
    entries.push_back(std::move(entry));
  }
  return entries;
}

absl::Status WriteManifest(std::string_view directory, const CheckpointManifest& manifest, common::FileSystem* files,
                           std::string_view name) {
  nlohmann::ordered_json root;
  root["format_version"] = kFormatVersion;
  root["policy_version"] = manifest.policy_version;
  root["weight_digest"] = manifest.weight_digest;
  root["files"] = nlohmann::ordered_json::array();
  for (const ManifestEntry& file : manifest.files) {
    root["files"].push_back({{"name", file.name}, {"size_bytes", file.size_bytes}, {"sha256", file.sha256}});
  }
  return common::WriteFileAtomically(files, PathOf(directory, name), root.dump(2) + "\n");
}

absl::StatusOr<CheckpointManifest> ReadManifest(std::string_view directory, common::FileSystem* files,
                                                std::string_view name) {
  const std::string path = PathOf(directory, name);
  COHORT_ASSIGN_OR_RETURN(const std::string text, common::ReadFile(files, path));
  return ParseManifest(text, path);
}

absl::Status CheckSize(std::string_view directory, const ManifestEntry& expected, common::FileSystem* files) {
  const std::string path = PathOf(directory, expected.name);
  const absl::StatusOr<int64_t> size_bytes = SizeOf(files, path);
  if (absl::IsNotFound(size_bytes.status())) return absl::DataLossError(absl::StrCat(path, ": missing"));
  if (!size_bytes.ok()) return ReadError(size_bytes.status());
  if (*size_bytes == expected.size_bytes) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path, ": wrong size (", *size_bytes, " bytes instead of ", expected.size_bytes, ")"));
}

absl::StatusOr<CheckpointManifest> VerifyManifest(std::string_view directory, common::FileSystem* files) {
  COHORT_ASSIGN_OR_RETURN(CheckpointManifest manifest, ReadManifest(directory, files));
  for (const ManifestEntry& file : manifest.files) COHORT_RETURN_IF_ERROR(CheckFile(directory, file, files));
  return manifest;
}

}  // namespace cohort::learner
