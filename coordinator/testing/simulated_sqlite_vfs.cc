// SPDX-License-Identifier: Apache-2.0
#include "coordinator/testing/simulated_sqlite_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace cohort::coordinator {
namespace {

using Mode = common::FileSystem::Mode;

constexpr int kMaxPathBytes = 512;

// SQLite's view of an open file; made by placement new in memory that SQLite gives.
struct OpenFile {
  sqlite3_file base;
  common::FileSystem* files;
  std::unique_ptr<common::File> file;
  std::string folder_to_sync;  // empty: synced, or none
};

OpenFile* Of(sqlite3_file* file) { return reinterpret_cast<OpenFile*>(file); }
common::FileSystem* FilesOf(sqlite3_vfs* vfs) { return static_cast<common::FileSystem*>(vfs->pAppData); }

int Code(const absl::Status& status, int otherwise) {
  if (status.ok()) return SQLITE_OK;
  return absl::IsResourceExhausted(status) ? SQLITE_FULL : otherwise;
}

int Close(sqlite3_file* file) {
  Of(file)->~OpenFile();
  return SQLITE_OK;
}

int Read(sqlite3_file* file, void* buffer, int size, sqlite3_int64 offset) {
  const auto got = Of(file)->file->Read(static_cast<char*>(buffer), size, offset);
  if (!got.ok()) return SQLITE_IOERR_READ;
  if (*got == size) return SQLITE_OK;
  std::memset(static_cast<char*>(buffer) + *got, 0, size - *got);
  return SQLITE_IOERR_SHORT_READ;
}

int Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  const std::string_view view(static_cast<const char*>(bytes), size);
  return Code(Of(file)->file->Write(view, offset), SQLITE_IOERR_WRITE);
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  return Code(Of(file)->file->Truncate(size), SQLITE_IOERR_TRUNCATE);
}

int Sync(sqlite3_file* file, int) {
  OpenFile* open = Of(file);
  if (!open->file->Sync().ok()) return SQLITE_IOERR_FSYNC;
  if (open->folder_to_sync.empty()) return SQLITE_OK;
  if (!open->files->SyncFolder(open->folder_to_sync).ok()) return SQLITE_IOERR_DIR_FSYNC;
  open->folder_to_sync.clear();
  return SQLITE_OK;
}

int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  const auto bytes = Of(file)->file->SizeBytes();
  if (!bytes.ok()) return SQLITE_IOERR_FSTAT;
  *size = *bytes;
  return SQLITE_OK;
}

int Lock(sqlite3_file*, int) { return SQLITE_OK; }
int CheckReservedLock(sqlite3_file*, int* is_reserved) {
  *is_reserved = 0;
  return SQLITE_OK;
}
int FileControl(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int SectorSize(sqlite3_file*) { return 4096; }
int DeviceCharacteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

const sqlite3_io_methods kMethods = {.iVersion = 1,
                                     .xClose = Close,
                                     .xRead = Read,
                                     .xWrite = Write,
                                     .xTruncate = Truncate,
                                     .xSync = Sync,
                                     .xFileSize = FileSize,
                                     .xLock = Lock,
                                     .xUnlock = Lock,
                                     .xCheckReservedLock = CheckReservedLock,
                                     .xFileControl = FileControl,
                                     .xSectorSize = SectorSize,
                                     .xDeviceCharacteristics = DeviceCharacteristics};

int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  // No statement of the store needs a temporary file.
  if (name == nullptr) return SQLITE_CANTOPEN;
  const bool is_present = FilesOf(vfs)->IsFile(name);
  const Mode mode = (flags & SQLITE_OPEN_CREATE) != 0 ? Mode::kCreate : Mode::kUpdate;
  auto opened = FilesOf(vfs)->Open(name, mode);
  if (!opened.ok()) return SQLITE_CANTOPEN;
  OpenFile* open = new (file) OpenFile{{&kMethods}, FilesOf(vfs), *std::move(opened), ""};
  const bool is_journal = (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)) != 0;
  const std::string path(name);
  if (!is_present && is_journal) open->folder_to_sync = path.substr(0, path.rfind('/'));
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int Delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  const absl::Status removed = FilesOf(vfs)->Remove(name);
  if (absl::IsNotFound(removed)) return SQLITE_IOERR_DELETE_NOENT;
  if (!removed.ok()) return SQLITE_IOERR_DELETE;
  const std::string path(name);
  if (sync_folder == 0 || FilesOf(vfs)->SyncFolder(path.substr(0, path.rfind('/'))).ok()) return SQLITE_OK;
  return SQLITE_IOERR_DIR_FSYNC;
}

int Access(sqlite3_vfs* vfs, const char* name, int, int* is_there) {
  *is_there = FilesOf(vfs)->IsFile(name) ? 1 : 0;
  return SQLITE_OK;
}

int FullPathname(sqlite3_vfs*, const char* name, int size, char* out) {
  const size_t length = std::strlen(name);
  if (length >= static_cast<size_t>(size)) return SQLITE_CANTOPEN;
  std::memcpy(out, name, length + 1);
  return SQLITE_OK;
}

// A salt of a WAL that repeats is what a test must be able to stand; what SQLite draws otherwise is of no consequence.
int Randomness(sqlite3_vfs*, int size, char* out) {
  std::memset(out, 7, size);
  return size;
}

int Sleep(sqlite3_vfs*, int microseconds) { return microseconds; }

int CurrentTime(sqlite3_vfs*, double* julian_day) {
  *julian_day = 2461041.5;
  return SQLITE_OK;
}

}  // namespace

SimulatedSqliteVfs::SimulatedSqliteVfs(common::FileSystem* files, const std::string& name)
    : name_(name),
      vfs_(new sqlite3_vfs{.iVersion = 1,
                           .szOsFile = sizeof(OpenFile),
                           .mxPathname = kMaxPathBytes,
                           .zName = name_.c_str(),
                           .pAppData = files,
                           .xOpen = Open,
                           .xDelete = Delete,
                           .xAccess = Access,
                           .xFullPathname = FullPathname,
                           .xRandomness = Randomness,
                           .xSleep = Sleep,
                           .xCurrentTime = CurrentTime}) {
  sqlite3_vfs_register(vfs_.get(), /*makeDflt=*/0);
}

SimulatedSqliteVfs::~SimulatedSqliteVfs() { sqlite3_vfs_unregister(vfs_.get()); }

}  // namespace cohort::coordinator
