// SPDX-License-Identifier: Apache-2.0
#include "rollout_log/rollout_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "rollout_log/crc32c.h"
#include "rollout_log/segment_format.h"

namespace cohort::rollout_log {
namespace {

namespace fs = std::filesystem;

// An open file descriptor, closed at the end of its scope.
class OpenFile final {
 public:
  explicit OpenFile(int descriptor = -1) : descriptor_(descriptor) {}
  ~OpenFile() { Reset(-1); }
  OpenFile(OpenFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  OpenFile& operator=(OpenFile&& other) noexcept {
    Reset(std::exchange(other.descriptor_, -1));
    return *this;
  }
  int get() const { return descriptor_; }

 private:
  void Reset(int descriptor) {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = descriptor;
  }
  int descriptor_;
};

absl::Status FileError(std::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(path, ": ", std::string(what)));
}

absl::StatusOr<OpenFile> OpenSegment(const std::string& path, int flags) {
  OpenFile file(::open(path.c_str(), flags | O_CLOEXEC, 0644));
  if (file.get() < 0) return FileError("cannot open the segment", path);
  return file;
}

absl::Status WriteAt(int descriptor, std::string_view bytes, int64_t offset, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor, bytes.data(), bytes.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError("cannot write", path);
    bytes.remove_prefix(written);
    offset += written;
  }
  return absl::OkStatus();
}

// DATA_LOSS when the file ends before `size` bytes from `offset`.
absl::StatusOr<std::string> ReadAt(int descriptor, int64_t offset, int64_t size, const std::string& path) {
  std::string bytes(size, '\0');
  int64_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(descriptor, bytes.data() + done, size - done, offset + done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError("cannot read", path);
    if (got == 0) return absl::DataLossError(absl::StrCat(path, ": ends inside the record at offset ", offset));
    done += got;
  }
  return bytes;
}

absl::StatusOr<std::string> ReadPayload(int descriptor, int64_t offset, const std::string& path) {
  COHORT_ASSIGN_OR_RETURN(const std::string head, ReadAt(descriptor, offset, kRecordHeaderBytes, path));
  const auto header = DecodeRecordHeader(head);
  if (!header.ok()) {
    return absl::DataLossError(absl::StrCat(path, " offset ", offset, ": ", header.status().message()));
  }
  COHORT_ASSIGN_OR_RETURN(std::string payload,
                          ReadAt(descriptor, offset + kRecordHeaderBytes, header->length_bytes, path));
  if (Crc32c(payload) != header->crc) {
    return absl::DataLossError(absl::StrCat(path, " offset ", offset, ": wrong checksum"));
  }
  return payload;
}

class SegmentedRolloutLog final : public RolloutLog {
 public:
  SegmentedRolloutLog(std::string directory, int64_t max_segment_bytes)
      : directory_(std::move(directory)), max_segment_bytes_(max_segment_bytes) {}

  absl::Status Recover(const RecordLocation& end) {
    absl::MutexLock lock(&mutex_);
    std::error_code error;
    fs::create_directories(directory_, error);
    if (error) return absl::UnavailableError(absl::StrCat(directory_, ": cannot create: ", error.message()));
    if (end.length_bytes == 0) {
      COHORT_RETURN_IF_ERROR(RemoveSegmentsBeyond(-1));
      return StartSegment(0);
    }
    segment_ = end.segment;
    const std::string path = PathOf(segment_);
    COHORT_ASSIGN_OR_RETURN(file_, OpenSegment(path, O_RDWR));
    COHORT_RETURN_IF_ERROR(CheckRecordsUntil(end, path));
    COHORT_RETURN_IF_ERROR(RemoveSegmentsBeyond(segment_));
    end_ = end.offset_bytes + kRecordHeaderBytes + end.length_bytes;
    if (::ftruncate(file_.get(), end_) != 0 || ::fsync(file_.get()) != 0) return FileError("cannot cut the tail", path);
    return absl::OkStatus();
  }

  absl::StatusOr<RecordLocation> Append(const cohort::v1::RolloutGroup& group) override {
    COHORT_ASSIGN_OR_RETURN(const auto locations, AppendAll({&group}));
    return locations.front();
  }

  absl::StatusOr<std::vector<RecordLocation>> AppendAll(
      const std::vector<const cohort::v1::RolloutGroup*>& groups) override {
    absl::MutexLock lock(&mutex_);
    if (is_tail_unknown_ || end_ >= max_segment_bytes_) COHORT_RETURN_IF_ERROR(StartSegment(segment_ + 1));
    std::vector<RecordLocation> locations;
    std::string bytes;
    for (const cohort::v1::RolloutGroup* group : groups) {
      const std::string payload = group->SerializeAsString();
      if (payload.empty() || static_cast<int64_t>(payload.size()) > kMaxPayloadBytes) {
        return absl::InvalidArgumentError(absl::StrCat("rollout group: impossible size (", payload.size(), " bytes)"));
      }
      locations.push_back({.segment = segment_,
                           .offset_bytes = end_ + static_cast<int64_t>(bytes.size()),
                           .length_bytes = static_cast<int64_t>(payload.size()),
                           .crc = Crc32c(payload)});
      bytes += EncodeRecord(payload);
    }
    COHORT_RETURN_IF_ERROR(WriteDurably(bytes));
    end_ += bytes.size();
    return locations;
  }

  absl::StatusOr<cohort::v1::RolloutGroup> Read(const RecordLocation& location) const override {
    const std::string path = PathOf(location.segment);
    COHORT_ASSIGN_OR_RETURN(const OpenFile file, OpenSegment(path, O_RDONLY));
    COHORT_ASSIGN_OR_RETURN(const std::string payload, ReadPayload(file.get(), location.offset_bytes, path));
    cohort::v1::RolloutGroup group;
    // The store's checksum too: a whole record of another group at this place is no answer.
    if (Crc32c(payload) != location.crc || !group.ParseFromString(payload)) {
      return absl::DataLossError(
          absl::StrCat(path, " offset ", location.offset_bytes, ": not the record that the store refers to"));
    }
    return group;
  }

 private:
  std::string PathOf(int64_t segment) const { return absl::StrCat(directory_, "/", SegmentFileName(segment)); }

  absl::Status RemoveSegmentsBeyond(int64_t last) {
    std::error_code error;
    for (fs::directory_iterator it(directory_, error), end; !error && it != end; it.increment(error)) {
      const int64_t segment = SegmentOfFileName(it->path().filename().string());
      if (segment > last && ::unlink(it->path().c_str()) != 0) return FileError("cannot remove", it->path().string());
    }
    if (error) return absl::UnavailableError(absl::StrCat(directory_, ": cannot list: ", error.message()));
    return common::SyncDirectory(directory_);
  }

  absl::Status StartSegment(int64_t segment) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const std::string path = PathOf(segment);
    COHORT_ASSIGN_OR_RETURN(OpenFile file, OpenSegment(path, O_RDWR | O_CREAT | O_TRUNC));
    COHORT_RETURN_IF_ERROR(WriteAt(file.get(), EncodeSegmentHeader(), 0, path));
    if (::fsync(file.get()) != 0) return FileError("cannot sync", path);
    COHORT_RETURN_IF_ERROR(common::SyncDirectory(directory_));
    file_ = std::move(file);
    segment_ = segment;
    end_ = kSegmentHeaderBytes;
    is_tail_unknown_ = false;
    return absl::OkStatus();
  }

  absl::Status CheckRecordsUntil(const RecordLocation& end, const std::string& path)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    COHORT_ASSIGN_OR_RETURN(const std::string header, ReadAt(file_.get(), 0, kSegmentHeaderBytes, path));
    const absl::Status header_status = CheckSegmentHeader(header);
    if (!header_status.ok()) return absl::DataLossError(absl::StrCat(path, ": ", header_status.message()));
    int64_t offset = kSegmentHeaderBytes;
    while (offset < end.offset_bytes) {
      COHORT_ASSIGN_OR_RETURN(const std::string payload, ReadPayload(file_.get(), offset, path));
      offset += kRecordHeaderBytes + payload.size();
    }
    if (offset != end.offset_bytes) {
      return absl::DataLossError(absl::StrCat(path, " offset ", end.offset_bytes, ": no record starts here"));
    }
    return Read(end).status();
  }

  // After a failed fdatasync the kernel may have dropped the pages, and a later one would not say so: nothing more is
  // written behind them. The log goes on in a new segment once the disk takes one; nothing refers to the old tail.
  absl::Status WriteDurably(std::string_view bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const std::string path = PathOf(segment_);
    const absl::Status written = WriteAt(file_.get(), bytes, end_, path);
    if (!written.ok()) {
      is_tail_unknown_ = ::ftruncate(file_.get(), end_) != 0;
      return written;
    }
    if (::fdatasync(file_.get()) == 0) return absl::OkStatus();
    is_tail_unknown_ = true;
    return FileError("cannot sync", path);
  }

  const std::string directory_;
  const int64_t max_segment_bytes_;
  absl::Mutex mutex_;
  OpenFile file_ ABSL_GUARDED_BY(mutex_);
  int64_t segment_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t end_ ABSL_GUARDED_BY(mutex_) = 0;
  // Behind end_ may be anything.
  bool is_tail_unknown_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RolloutLog>> RolloutLog::Open(std::string_view directory, const RecordLocation& end,
                                                             int64_t max_segment_bytes) {
  auto log = std::make_unique<SegmentedRolloutLog>(std::string(directory), max_segment_bytes);
  COHORT_RETURN_IF_ERROR(log->Recover(end));
  return log;
}

}  // namespace cohort::rollout_log
