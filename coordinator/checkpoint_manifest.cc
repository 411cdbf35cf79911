// SPDX-License-Identifier: Apache-2.0
#include "coordinator/checkpoint_manifest.h"

#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/plain_file_name.h"
#include "common/status_macros.h"
#include "common/utf8.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kDigestDigits = 64;
constexpr size_t kMaxShownBytes = 64;
// Tens of thousands of files.
constexpr int64_t kMaxManifestBytes = 8 << 20;

bool IsDigest(const std::string& text) {
  for (const char c : text) {
    if (!absl::ascii_isdigit(c) && (c < 'a' || c > 'f')) return false;
  }
  return text.empty() || text.size() == kDigestDigits;
}

// Why a file cannot be one of a checkpoint; empty when it can.
std::string Complaint(const ManifestFile& file, const std::set<std::string>& names) {
  if (!common::IsPlainFileName(file.name) || file.name == kManifestFile) return "is not a plain file name";
  if (names.contains(file.name)) return "is there twice";
  if (file.size_bytes < 0) return "has a negative size";
  return IsDigest(file.sha256) ? "" : "has no SHA-256";
}

absl::StatusOr<std::string> ReadText(common::FileSystem* files, const std::string& path) {
  COHORT_ASSIGN_OR_RETURN(const auto file, OpenCheckpointFile(files, path));
  COHORT_ASSIGN_OR_RETURN(const int64_t size_bytes, file->SizeBytes());
  if (size_bytes > kMaxManifestBytes) {
    return absl::DataLossError(absl::StrCat(path, ": is too large for a manifest (", size_bytes, " bytes)"));
  }
  std::string text(size_bytes, '\0');
  COHORT_ASSIGN_OR_RETURN(const int64_t num_read, file->Read(text.data(), size_bytes, 0));
  text.resize(num_read);
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<common::File>> OpenCheckpointFile(common::FileSystem* files, const std::string& path) {
  std::error_code error;
  const std::filesystem::file_type type = std::filesystem::symlink_status(path, error).type();
  if (type == std::filesystem::file_type::symlink) return absl::DataLossError(absl::StrCat(path, ": is a link"));
  // What is not there is for Open to say.
  const bool is_other = std::filesystem::exists(std::filesystem::file_status(type)) &&
                        type != std::filesystem::file_type::regular && type != std::filesystem::file_type::unknown;
  if (is_other) return absl::DataLossError(absl::StrCat(path, ": is no regular file"));
  return files->Open(path, common::FileSystem::Mode::kRead);
}

absl::StatusOr<CheckpointManifest> ReadCheckpointManifest(common::FileSystem* files, const std::string& folder) {
  const std::string path = absl::StrCat(folder, "/", kManifestFile);
  CheckpointManifest manifest;
  COHORT_ASSIGN_OR_RETURN(manifest.text, ReadText(files, path));
  std::set<std::string> names;
  try {
    const nlohmann::json root = nlohmann::json::parse(manifest.text);
    manifest.policy_version = root.at("policy_version").get<int64_t>();
    manifest.weight_digest = root.at("weight_digest").get<std::string>();
    for (const nlohmann::json& listed : root.at("files")) {
      ManifestFile file{.name = listed.at("name").get<std::string>(),
                        .size_bytes = listed.at("size_bytes").get<int64_t>(),
                        .sha256 = listed.value("sha256", "")};
      const std::string complaint = Complaint(file, names);
      if (!complaint.empty()) {
        return absl::DataLossError(
            absl::StrCat(path, ": a file ", complaint, " (", common::Printable(file.name, kMaxShownBytes), ")"));
      }
      names.insert(file.name);
      manifest.files.push_back(std::move(file));
    }
  } catch (const std::exception& error) {
    return absl::DataLossError(absl::StrCat(path, ": not a manifest (", error.what(), ")"));
  }
  return manifest;
}

}  // namespace cohort::coordinator
