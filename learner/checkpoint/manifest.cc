// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/manifest.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/sha256.h"
#include "common/status_macros.h"

namespace cohort::learner {
namespace {

constexpr int kFormatVersion = 1;
constexpr size_t kReadBytes = 1 << 20;

std::string PathOf(std::string_view directory, std::string_view name) {
  return std::string(directory) + "/" + std::string(name);
}

// A file that is not there or that the disk cannot read is lost; a lack of rights or descriptors says nothing about it.
absl::Status ReadError(int error, const std::string& path) {
  const absl::Status status = absl::ErrnoToStatus(error, absl::StrCat(path, ": cannot be read"));
  const bool is_lost = error == ENOENT || error == EIO || error == EISDIR || error == ENOTDIR;
  return is_lost ? absl::DataLossError(status.message()) : status;
}

absl::StatusOr<ManifestEntry> DescribeFile(std::string_view directory, std::string_view name) {
  const std::string path = PathOf(directory, name);
  const std::unique_ptr<FILE, int (*)(FILE*)> file(fopen(path.c_str(), "rbe"), fclose);
  if (file == nullptr) return ReadError(errno, path);
  ManifestEntry entry;
  entry.name = std::string(name);
  common::Sha256 hash;
  std::string buffer(kReadBytes, '\0');
  while (const size_t size_bytes = fread(buffer.data(), 1, buffer.size(), file.get())) {
    hash.Update(buffer.data(), size_bytes);
    entry.size_bytes += static_cast<int64_t>(size_bytes);
  }
  if (ferror(file.get())) return ReadError(errno, path);
  entry.sha256 = common::HexOf(hash.Finish());
  return entry;
}

absl::Status CheckFile(std::string_view directory, const ManifestEntry& expected) {
  const std::string path = PathOf(directory, expected.name);
  std::error_code error;
  const uintmax_t size_bytes = std::filesystem::file_size(path, error);
  if (error == std::errc::no_such_file_or_directory) return absl::DataLossError(absl::StrCat(path, ": missing"));
  if (error) return ReadError(error.value(), path);
  if (static_cast<int64_t>(size_bytes) != expected.size_bytes) {
    return absl::DataLossError(
        absl::StrCat(path, ": wrong size (", size_bytes, " bytes instead of ", expected.size_bytes, ")"));
  }
  COHORT_ASSIGN_OR_RETURN(const ManifestEntry found, DescribeFile(directory, expected.name));
  if (found.sha256 != expected.sha256) {
    return absl::DataLossError(absl::StrCat(path, ": checksum differs from the manifest (", found.sha256, ")"));
  }
  return absl::OkStatus();
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

}  // namespace

absl::StatusOr<std::vector<ManifestEntry>> DescribeFiles(std::string_view directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    if (it->path().filename() != kManifestFile) names.push_back(it->path().filename().string());
  }
  if (error) return absl::InternalError(absl::StrCat(std::string(directory), ": ", error.message()));
  std::sort(names.begin(), names.end());
  std::vector<ManifestEntry> entries;
  for (const std::string& name : names) {
    COHORT_ASSIGN_OR_RETURN(ManifestEntry entry, DescribeFile(directory, name));
    entries.push_back(std::move(entry));
  }
  return entries;
}

absl::Status WriteManifest(std::string_view directory, const CheckpointManifest& manifest) {
  nlohmann::ordered_json root;
  root["format_version"] = kFormatVersion;
  root["policy_version"] = manifest.policy_version;
  root["weight_digest"] = manifest.weight_digest;
  root["files"] = nlohmann::ordered_json::array();
  for (const ManifestEntry& file : manifest.files) {
    root["files"].push_back({{"name", file.name}, {"size_bytes", file.size_bytes}, {"sha256", file.sha256}});
  }
  return common::WriteFileAtomically(PathOf(directory, kManifestFile), root.dump(2) + "\n");
}

absl::StatusOr<CheckpointManifest> ReadManifest(std::string_view directory) {
  const std::string path = PathOf(directory, kManifestFile);
  COHORT_ASSIGN_OR_RETURN(const std::string text, common::ReadFile(path));
  return ParseManifest(text, path);
}

absl::StatusOr<CheckpointManifest> VerifyManifest(std::string_view directory) {
  COHORT_ASSIGN_OR_RETURN(CheckpointManifest manifest, ReadManifest(directory));
  for (const ManifestEntry& file : manifest.files) COHORT_RETURN_IF_ERROR(CheckFile(directory, file));
  return manifest;
}

}  // namespace cohort::learner
