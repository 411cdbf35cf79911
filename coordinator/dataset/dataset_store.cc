// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/dataset_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"

namespace cohort::coordinator {
namespace {

// Each holds a thread of the server and up to max_upload_bytes of disk.
constexpr int kMaxUploads = 16;
constexpr size_t kSha256Digits = 64;
constexpr char kSuffix[] = ".jsonl";
constexpr char kPartialMark[] = ".partial-";

// Paths of all files, two levels down. What cannot be read is left out.
std::vector<std::filesystem::path> Files(const std::string& directory) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    if (it->is_regular_file(error)) files.push_back(it->path());
  }
  return files;
}

bool Remove(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::remove(path, error);
}

}  // namespace

absl::Status CheckSha256(std::string_view field, std::string_view sha256) {
  const bool is_digest = sha256.size() == kSha256Digits &&
                         std::all_of(sha256.begin(), sha256.end(),
                                     [](unsigned char c) { return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'); });
  if (is_digest) return absl::OkStatus();
  return common::InvalidField(field, sha256, "must be a SHA-256, 64 lower-case hex digits");
}

absl::StatusOr<std::unique_ptr<DatasetStore>> DatasetStore::Open(const std::string& directory, int64_t max_upload_bytes,
                                                                 common::Clock* clock) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return absl::UnavailableError(absl::StrCat(directory, ": cannot create: ", error.message()));
  COHORT_RETURN_IF_ERROR(common::SyncDirectory(std::filesystem::path(directory).parent_path().string()));
  std::unique_ptr<DatasetStore> store(new DatasetStore(directory, max_upload_bytes, clock));
  store->RemovePartialFiles();
  return store;
}

absl::StatusOr<std::unique_ptr<DatasetUpload>> DatasetStore::BeginUpload(const std::string& name_space,
                                                                         const std::string& sha256) {
  COHORT_RETURN_IF_ERROR(CheckSha256("sha256", sha256));
  UploadTarget target{.folder = absl::StrCat(directory_, "/", name_space), .sha256 = sha256};
  target.path = PathOf(name_space, sha256);
  target.max_bytes = max_upload_bytes_;
  absl::MutexLock lock(&mutex_);
  if (num_uploads_ >= kMaxUploads) {
    return absl::UnavailableError(
        absl::StrCat("as many uploads as there may be are in progress (", kMaxUploads, "); try again"));
  }
  target.partial_path = absl::StrCat(target.path, kPartialMark, next_upload_++);
  ++num_uploads_;
  return std::make_unique<DatasetUpload>(
      std::move(target), [this](const std::string& path) { MarkUsed(path); }, [this] { EndUpload(); });
}

absl::StatusOr<std::string> DatasetStore::Use(const std::string& name_space, const std::string& sha256) {
  COHORT_RETURN_IF_ERROR(CheckSha256("sha256", sha256));
  const std::string path = PathOf(name_space, sha256);
  absl::MutexLock lock(&mutex_);
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return absl::NotFoundError(absl::StrCat("no such file was uploaded to namespace ", name_space));
  }
  MarkUsed(path);
  return path;
}

int64_t DatasetStore::RemoveUnused(const std::set<Key>& needed, absl::Duration grace) {
  int64_t num_removed = 0;
  const absl::Time oldest = clock_->Now() - grace;
  for (const std::filesystem::path& path : Files(directory_)) {
    const std::string name = path.filename().string();
    if (!absl::EndsWith(name, kSuffix)) continue;
    const Key key{path.parent_path().filename().string(), path.stem().string()};
    if (needed.count(key) > 0) continue;
    absl::MutexLock lock(&mutex_);
    struct stat status;
    if (::stat(path.c_str(), &status) != 0 || absl::TimeFromTimespec(status.st_mtim) > oldest) continue;
    if (!Remove(path)) continue;
    ++num_removed;
    log::Info("dataset_removed", {{"namespace", key.first}, {"sha256", key.second}});
  }
  return num_removed;
}

std::string DatasetStore::PathOf(const std::string& name_space, const std::string& sha256) const {
  return absl::StrCat(directory_, "/", name_space, "/", sha256, kSuffix);
}

void DatasetStore::RemovePartialFiles() {
  for (const std::filesystem::path& path : Files(directory_)) {
    if (absl::StrContains(path.filename().string(), kPartialMark)) Remove(path);
  }
}

void DatasetStore::EndUpload() {
  absl::MutexLock lock(&mutex_);
  --num_uploads_;
}

void DatasetStore::MarkUsed(const std::string& path) {
  // A file whose time cannot be set counts as used when it was before.
  const timespec times[2] = {absl::ToTimespec(clock_->Now()), absl::ToTimespec(clock_->Now())};
  ::utimensat(AT_FDCWD, path.c_str(), times, /*flags=*/0);
}

}  // namespace cohort::coordinator
