// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/row_index_store.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"

namespace cohort::coordinator {
namespace {

constexpr char kSuffix[] = ".rows";
constexpr char kPartialMark[] = ".partial-";
// The coarsest clock of a file system that people use; two writes within it may leave the same times.
constexpr absl::Duration kRacy = absl::Seconds(2);

bool MayBeWrittenUnseen(const common::FileVersion& version, absl::Time begin) {
  const int64_t newest = std::max(version.modified_unix_ns, version.changed_unix_ns);
  return newest > absl::ToUnixNanos(begin - kRacy);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RowIndexStore>> RowIndexStore::Open(const std::string& directory, common::Clock* clock,
                                                                   common::FileSystem* files, const Options& options) {
  COHORT_RETURN_IF_ERROR(files->MakeFolders(directory));
  std::unique_ptr<RowIndexStore> store(new RowIndexStore(directory, clock, files, options));
  COHORT_ASSIGN_OR_RETURN(const auto names, files->List(directory));
  for (const std::string& name : names) {
    const absl::Status taken = absl::StrContains(name, kPartialMark) ? files->Remove(directory + "/" + name)
                               : absl::EndsWith(name, kSuffix)       ? store->TakeUp(name)
                                                                     : absl::OkStatus();
    if (!taken.ok()) log::Warning("row_index_unusable", {{"name", name}, {"error", taken}});
  }
  absl::MutexLock lock(&store->mutex_);
  store->MakeRoom();
  return store;
}

std::optional<IndexedRows> RowIndexStore::Find(const RowIndexKey& key) {
  const std::string name = NameOf(key.path, key.max_rows);
  {
    absl::MutexLock lock(&mutex_);
    const auto entry = entries_.find(name);
    if (entry == entries_.end()) return std::nullopt;
    SetUsed(&entry->second);
  }
  const auto file = files_->Open(PathOf(name), common::FileSystem::Mode::kRead);
  std::optional<IndexedRows> rows;
  if (file.ok()) rows = ReadRowIndex(key, **file);
  if (!rows.has_value()) log::Info("row_index_stale", {{"path", key.path}});
  return rows;
}

void RowIndexStore::Keep(const RowIndexKey& key, const IndexedRows& rows, absl::Time begin) {
  const int64_t num_bytes = RowIndexFileBytes(key, rows);
  if (key.version.size_bytes < options_.min_file_bytes || num_bytes > options_.max_bytes) return;
  if (MayBeWrittenUnseen(key.version, begin)) return;
  const std::string name = NameOf(key.path, key.max_rows);
  std::string partial_name;
  {
    absl::MutexLock lock(&mutex_);
    partial_name = absl::StrCat(name, kPartialMark, next_partial_++);
  }
  const absl::Status written = Write(name, partial_name, key, rows);
  if (!written.ok()) {
    (void)files_->Remove(PathOf(partial_name));  // the error that counts is the first one
    log::Warning("row_index_not_stored", {{"path", key.path}, {"error", written}});
    return;
  }
  absl::MutexLock lock(&mutex_);
  Entry& entry = entries_[name];
  entry.num_bytes = num_bytes;
  SetUsed(&entry);
  MakeRoom();
}

int64_t RowIndexStore::RemoveUnused(const std::set<std::string>& needed, absl::Duration grace) {
  absl::MutexLock lock(&mutex_);
  const absl::Duration oldest = clock_->Monotonic() - grace;
  return static_cast<int64_t>(std::erase_if(entries_, [&](const auto& named) {
    if (needed.count(named.first) > 0 || named.second.used > oldest) return false;
    return files_->Remove(PathOf(named.first)).ok();
  }));
}

std::string RowIndexStore::NameOf(const std::string& path, int64_t max_rows) {
  return absl::StrCat(common::HexOf(common::Sha256Of(absl::StrCat(max_rows, " ", path))), kSuffix);
}

std::string RowIndexStore::PathOf(const std::string& name) const { return absl::StrCat(directory_, "/", name); }

absl::Status RowIndexStore::TakeUp(const std::string& name) {
  COHORT_ASSIGN_OR_RETURN(const auto file, files_->Open(PathOf(name), common::FileSystem::Mode::kRead));
  COHORT_ASSIGN_OR_RETURN(const int64_t num_bytes, file->SizeBytes());
  absl::MutexLock lock(&mutex_);
  Entry& entry = entries_[name];
  entry.num_bytes = num_bytes;
  SetUsed(&entry);
  return absl::OkStatus();
}

absl::Status RowIndexStore::Write(const std::string& name, const std::string& partial_name, const RowIndexKey& key,
                                  const IndexedRows& rows) {
  COHORT_ASSIGN_OR_RETURN(const auto file, files_->Open(PathOf(partial_name), common::FileSystem::Mode::kReplace));
  COHORT_RETURN_IF_ERROR(WriteRowIndex(key, rows, file.get()));
  COHORT_RETURN_IF_ERROR(file->Sync());
  COHORT_RETURN_IF_ERROR(files_->Rename(PathOf(partial_name), PathOf(name)));
  return files_->SyncFolder(directory_);
}

void RowIndexStore::SetUsed(Entry* entry) {
  entry->last_use = ++num_uses_;
  entry->used = clock_->Monotonic();
}

void RowIndexStore::MakeRoom() {
  int64_t num_bytes = 0;
  for (const auto& [name, entry] : entries_) num_bytes += entry.num_bytes;
  while (!entries_.empty() &&
         (static_cast<int64_t>(entries_.size()) > options_.max_indices || num_bytes > options_.max_bytes)) {
    const auto oldest = std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
      return a.second.last_use < b.second.last_use;
    });
    const absl::Status removed = files_->Remove(PathOf(oldest->first));
    if (!removed.ok()) log::Warning("row_index_not_removed", {{"name", oldest->first}, {"error", removed}});
    num_bytes -= oldest->second.num_bytes;
    entries_.erase(oldest);
  }
}

}  // namespace cohort::coordinator
