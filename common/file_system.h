// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_FILE_SYSTEM_H_
#define COHORT_COMMON_FILE_SYSTEM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cohort::common {

// What a file is known by: when its content changes it is another one, as far as the clock of its file system tells two
// changes apart. Plain record.
struct FileVersion {
  int64_t device = 0;
  int64_t inode = 0;
  int64_t size_bytes = 0;
  int64_t modified_unix_ns = 0;
  int64_t changed_unix_ns = 0;  // content or attributes; unlike `modified` no program can set it
  bool operator==(const FileVersion&) const = default;
};

// An open file, closed by its destructor. Errors have the errno's code and name the path. Thread-safe as the kernel is.
class File {
 public:
  virtual ~File() = default;
  // All bytes or an error; after an error any part of them may be there.
  virtual absl::Status Write(std::string_view bytes, int64_t offset_bytes) = 0;
  // Up to `size_bytes` into `buffer`, and how many: fewer only at the end of the file.
  virtual absl::StatusOr<int64_t> Read(char* buffer, int64_t size_bytes, int64_t offset_bytes) const = 0;
  virtual absl::StatusOr<int64_t> SizeBytes() const = 0;
  // Nullopt where it cannot be told: any content may be another one.
  virtual std::optional<FileVersion> Version() const { return std::nullopt; }
  virtual absl::Status Truncate(int64_t size_bytes) = 0;
  // Content and size survive power loss. After an error nobody knows what does, and a later success says nothing about
  // what was written before.
  virtual absl::Status Sync() = 0;
};

// Files as a dependency, so that tests can lose power at any call (testing/simulated_file_system.h). Every call that
// changes something durable goes through here. Thread-safe.
class FileSystem {
 public:
  enum class Mode {
    kRead,     // NOT_FOUND when it is not there
    kUpdate,   // to read and write; NOT_FOUND when it is not there
    kCreate,   // to read and write; made when it is not there
    kReplace,  // the same, empty
  };

  virtual ~FileSystem() = default;
  virtual absl::StatusOr<std::unique_ptr<File>> Open(std::string_view path, Mode mode) = 0;
  // NOT_FOUND when it is not there. Durable after SyncFolder of its folder, as are Rename and a new file.
  virtual absl::Status Remove(std::string_view path) = 0;
  // Within one folder; replaces `to`. A folder goes with all that is in it, and replaces only an empty one.
  virtual absl::Status Rename(std::string_view from, std::string_view to) = 0;
  virtual absl::Status SyncFolder(std::string_view path) = 0;
  // With all folders above it; durable when it returns.
  virtual absl::Status MakeFolders(std::string_view path) = 0;
  // One folder, if it is not there. NOT_FOUND without the one above it, which SyncFolder makes it durable in.
  virtual absl::Status MakeFolder(std::string_view path) = 0;
  // Removes an empty folder.
  virtual absl::Status RemoveFolder(std::string_view path) = 0;
  // Names in a folder, sorted; NOT_FOUND.
  virtual absl::StatusOr<std::vector<std::string>> List(std::string_view path) const = 0;
  virtual bool IsFile(std::string_view path) const = 0;
  virtual bool IsFolder(std::string_view path) const = 0;
};

// The machine's; lives for ever.
FileSystem* RealFileSystem();

// The whole file. NOT_FOUND.
absl::StatusOr<std::string> ReadFile(FileSystem* files, std::string_view path);
// As WriteFileAtomically of files.h. One writer at a time of a path.
absl::Status WriteFileAtomically(FileSystem* files, std::string_view path, std::string_view content);
// Removes a folder with everything in it, or a file; links are removed and not followed. OK when it is not there.
absl::Status RemoveTree(FileSystem* files, std::string_view path);
// Behind what is there; a file that is not there is made. Not synced.
absl::Status AppendToFile(FileSystem* files, std::string_view path, std::string_view content);

}  // namespace cohort::common

#endif  // COHORT_COMMON_FILE_SYSTEM_H_
