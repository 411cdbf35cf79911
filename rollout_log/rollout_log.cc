// SPDX-License-Identifier: Apache-2.0
#include "rollout_log/rollout_log.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/status_macros.h"
#include "rollout_log/crc32c.h"
#include "rollout_log/segment_format.h"

namespace cohort::rollout_log {
namespace {

using Mode = common::FileSystem::Mode;

// Of what shares an fdatasync: the others wait meanwhile.
constexpr int64_t kMaxSharedBytes = 16 << 20;

// DATA_LOSS when the file ends before `size` bytes from `offset`.
absl::StatusOr<std::string> ReadAt(const common::File& file, int64_t offset, int64_t size, const std::string& path) {
  std::string bytes(size, '\0');
  COHORT_ASSIGN_OR_RETURN(const int64_t got, file.Read(bytes.data(), size, offset));
  if (got == size) return bytes;
  return absl::DataLossError(absl::StrCat(path, ": ends inside the record at offset ", offset));
}

absl::StatusOr<std::string> ReadPayload(const common::File& file, int64_t offset, const std::string& path) {
  COHORT_ASSIGN_OR_RETURN(const std::string head, ReadAt(file, offset, kRecordHeaderBytes, path));
  const auto header = DecodeRecordHeader(head);
  if (!header.ok()) {
    return absl::DataLossError(absl::StrCat(path, " offset ", offset, ": ", header.status().message()));
  }
  COHORT_ASSIGN_OR_RETURN(std::string payload, ReadAt(file, offset + kRecordHeaderBytes, header->length_bytes, path));
  if (Crc32c(payload) != header->crc) {
    return absl::DataLossError(absl::StrCat(path, " offset ", offset, ": wrong checksum"));
  }
  return payload;
}

// What one call appends, as it is written. Offsets count from its first byte until it is.
struct Records {
  std::unique_ptr<char[]> bytes;  // a string would be filled with zeros first
  int64_t num_bytes = 0;
  std::vector<RecordLocation> locations;
  absl::Status status;
  bool is_done = false;
};

// Straight into the bytes that are written, and without a lock: callers do it side by side.
absl::StatusOr<Records> Encode(const std::vector<const cohort::v1::RolloutGroup*>& groups) {
  Records records;
  for (const cohort::v1::RolloutGroup* group : groups) {
    const auto size = static_cast<int64_t>(group->ByteSizeLong());
    if (size == 0 || size > kMaxPayloadBytes) {
      return absl::InvalidArgumentError(absl::StrCat("rollout group: impossible size (", size, " bytes)"));
    }
    records.locations.push_back({.offset_bytes = records.num_bytes, .length_bytes = size});
    records.num_bytes += kRecordHeaderBytes + size;
  }
  records.bytes.reset(new char[records.num_bytes]);
  for (size_t i = 0; i < groups.size(); ++i) {
    RecordLocation& location = records.locations[i];
    char* const header = records.bytes.get() + location.offset_bytes;
    char* const payload = header + kRecordHeaderBytes;
    groups[i]->SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(payload));
    location.crc = Crc32c({payload, static_cast<size_t>(location.length_bytes)});
    PutRecordHeader({.length_bytes = location.length_bytes, .crc = location.crc}, header);
  }
  return records;
}

class SegmentedRolloutLog final : public RolloutLog {
 public:
  SegmentedRolloutLog(common::FileSystem* files, std::string directory, int64_t max_segment_bytes)
      : files_(files), directory_(std::move(directory)), max_segment_bytes_(max_segment_bytes) {}

  absl::Status Recover(const RecordLocation& end) {
    COHORT_RETURN_IF_ERROR(files_->MakeFolders(directory_));
    if (end.length_bytes == 0) {
      // Behind what there was: a number is not used twice while somebody may still look for the old records.
      COHORT_ASSIGN_OR_RETURN(const std::vector<int64_t> old, Segments());
      COHORT_RETURN_IF_ERROR(StartSegment(old.empty() ? 0 : old.back() + 1));
      SetSegment();
      return Unlink(old);
    }
    file_segment_ = end.segment;
    SetSegment();
    const std::string path = PathOf(file_segment_);
    COHORT_ASSIGN_OR_RETURN(file_, files_->Open(path, Mode::kUpdate));
    COHORT_RETURN_IF_ERROR(CheckRecordsUntil(end, path));
    COHORT_ASSIGN_OR_RETURN(std::vector<int64_t> beyond, Segments());
    beyond.erase(beyond.begin(), std::upper_bound(beyond.begin(), beyond.end(), file_segment_));
    COHORT_RETURN_IF_ERROR(Unlink(beyond));
    end_ = end.offset_bytes + kRecordHeaderBytes + end.length_bytes;
    COHORT_RETURN_IF_ERROR(file_->Truncate(end_));
    return file_->Sync();
  }

  absl::StatusOr<RecordLocation> Append(const cohort::v1::RolloutGroup& group) override {
    COHORT_ASSIGN_OR_RETURN(const auto locations, AppendAll({&group}));
    return locations.front();
  }

  absl::StatusOr<std::vector<RecordLocation>> AppendAll(
      const std::vector<const cohort::v1::RolloutGroup*>& groups) override {
    COHORT_ASSIGN_OR_RETURN(Records own, Encode(groups));
    absl::MutexLock lock(&mutex_);
    waiting_.push_back(&own);
    while (!own.is_done) {
      const auto has_turn = [this, &own]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return own.is_done || !is_writing_; };
      mutex_.Await(absl::Condition(&has_turn));
      if (!own.is_done) WriteWaiting();
    }
    COHORT_RETURN_IF_ERROR(own.status);
    return std::move(own.locations);
  }

  int64_t NumWaiting() const override {
    absl::MutexLock lock(&mutex_);
    return static_cast<int64_t>(waiting_.size());
  }

  absl::StatusOr<cohort::v1::RolloutGroup> Read(const RecordLocation& location) const override {
    const std::string path = PathOf(location.segment);
    COHORT_ASSIGN_OR_RETURN(const auto file, files_->Open(path, Mode::kRead));
    COHORT_ASSIGN_OR_RETURN(const std::string payload, ReadPayload(*file, location.offset_bytes, path));
    cohort::v1::RolloutGroup group;
    // The store's checksum too: a whole record of another group at this place is no answer.
    if (Crc32c(payload) != location.crc || !group.ParseFromString(payload)) {
      return absl::DataLossError(
          absl::StrCat(path, " offset ", location.offset_bytes, ": not the record that the store refers to"));
    }
    return group;
  }

  void Settle(const std::vector<RecordLocation>& locations) override {
    absl::MutexLock lock(&mutex_);
    for (const RecordLocation& location : locations) {
      const auto it = num_unsettled_.find(location.segment);
      if (it != num_unsettled_.end() && --it->second == 0) num_unsettled_.erase(it);
    }
  }

  absl::StatusOr<std::vector<int64_t>> FinishedSegments() const override {
    absl::MutexLock lock(&mutex_);
    COHORT_ASSIGN_OR_RETURN(std::vector<int64_t> segments, Segments());
    const auto is_unfinished = [this](int64_t segment)
                                   ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return !IsFinished(segment); };
    segments.erase(std::remove_if(segments.begin(), segments.end(), is_unfinished), segments.end());
    return segments;
  }

  absl::Status RemoveSegment(int64_t segment) override {
    absl::MutexLock lock(&mutex_);
    if (segment < 0 || !IsFinished(segment)) {
      return absl::FailedPreconditionError(absl::StrCat("segment ", segment, " is still written or referred to"));
    }
    return Unlink({segment});
  }

 private:
  std::string PathOf(int64_t segment) const { return absl::StrCat(directory_, "/", SegmentFileName(segment)); }

  // Those that are there, rising.
  absl::StatusOr<std::vector<int64_t>> Segments() const {
    std::vector<int64_t> segments;
    COHORT_ASSIGN_OR_RETURN(const auto names, files_->List(directory_));
    for (const std::string& name : names) {
      if (SegmentOfFileName(name) >= 0) segments.push_back(SegmentOfFileName(name));
    }
    std::sort(segments.begin(), segments.end());
    return segments;
  }

  absl::Status Unlink(const std::vector<int64_t>& segments) const {
    for (const int64_t segment : segments) {
      const absl::Status removed = files_->Remove(PathOf(segment));
      if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
    }
    return files_->SyncFolder(directory_);
  }

  bool IsFinished(int64_t segment) const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return segment < segment_ && num_unsettled_.count(segment) == 0;
  }

  void SetSegment() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    segment_ = file_segment_;
  }

  absl::Status StartSegment(int64_t segment) {
    COHORT_ASSIGN_OR_RETURN(auto file, files_->Open(PathOf(segment), Mode::kReplace));
    COHORT_RETURN_IF_ERROR(file->Write(EncodeSegmentHeader(), 0));
    COHORT_RETURN_IF_ERROR(file->Sync());
    COHORT_RETURN_IF_ERROR(files_->SyncFolder(directory_));
    file_ = std::move(file);
    file_segment_ = segment;
    end_ = kSegmentHeaderBytes;
    is_tail_unknown_ = false;
    return absl::OkStatus();
  }

  absl::Status CheckRecordsUntil(const RecordLocation& end, const std::string& path) {
    COHORT_ASSIGN_OR_RETURN(const std::string header, ReadAt(*file_, 0, kSegmentHeaderBytes, path));
    const absl::Status header_status = CheckSegmentHeader(header);
    if (!header_status.ok()) return absl::DataLossError(absl::StrCat(path, ": ", header_status.message()));
    int64_t offset = kSegmentHeaderBytes;
    while (offset < end.offset_bytes) {
      COHORT_ASSIGN_OR_RETURN(const std::string payload, ReadPayload(*file_, offset, path));
      offset += kRecordHeaderBytes + payload.size();
    }
    if (offset != end.offset_bytes) {
      return absl::DataLossError(absl::StrCat(path, " offset ", end.offset_bytes, ": no record starts here"));
    }
    return Read(end).status();
  }

  // Writes what waits, from the front, and says to each how it went. Nobody else writes meanwhile, and the lock is
  // free.
  void WriteWaiting() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::vector<Records*> batch;
    int64_t num_bytes = 0;
    do {
      batch.push_back(waiting_.front());
      num_bytes += waiting_.front()->num_bytes;
      waiting_.pop_front();
    } while (!waiting_.empty() && num_bytes + waiting_.front()->num_bytes <= kMaxSharedBytes);
    is_writing_ = true;
    mutex_.Unlock();
    const absl::Status written = WriteDurably(batch);
    mutex_.Lock();
    is_writing_ = false;
    segment_ = file_segment_;
    for (Records* records : batch) {
      records->status = written;
      records->is_done = true;
      for (RecordLocation& location : records->locations) {
        location.segment = segment_;
        location.offset_bytes += end_;
      }
      if (!written.ok()) continue;
      end_ += records->num_bytes;
      num_unsettled_[segment_] += static_cast<int64_t>(records->locations.size());
    }
  }

  // After a failed fdatasync the kernel may have dropped the pages, and a later one would not say so: nothing more is
  // written behind them. The log goes on in a new segment once the disk takes one; nothing refers to the old tail.
  absl::Status WriteDurably(const std::vector<Records*>& batch) {
    if (is_tail_unknown_ || end_ >= max_segment_bytes_) COHORT_RETURN_IF_ERROR(StartSegment(file_segment_ + 1));
    int64_t offset = end_;
    for (const Records* records : batch) {
      const absl::Status written =
          file_->Write({records->bytes.get(), static_cast<size_t>(records->num_bytes)}, offset);
      if (!written.ok()) {
        is_tail_unknown_ = !file_->Truncate(end_).ok();
        return written;
      }
      offset += records->num_bytes;
    }
    const absl::Status synced = file_->Sync();
    is_tail_unknown_ = !synced.ok();
    return synced;
  }

  common::FileSystem* const files_;
  const std::string directory_;
  const int64_t max_segment_bytes_;
  mutable absl::Mutex mutex_;
  std::deque<Records*> waiting_ ABSL_GUARDED_BY(mutex_);  // to be written
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;       // somebody does, without the lock
  int64_t segment_ ABSL_GUARDED_BY(mutex_) = 0;           // the one that gets the next record, unless it is full
  std::map<int64_t, int64_t> num_unsettled_ ABSL_GUARDED_BY(mutex_);  // records, by segment
  // Of whoever writes, and of Recover before anybody can.
  std::unique_ptr<common::File> file_;
  int64_t file_segment_ = 0;
  int64_t end_ = 0;               // of the file's records
  bool is_tail_unknown_ = false;  // behind end_ may be anything
};

}  // namespace

absl::StatusOr<std::unique_ptr<RolloutLog>> RolloutLog::Open(std::string_view directory, const RecordLocation& end,
                                                             int64_t max_segment_bytes, common::FileSystem* files) {
  auto log = std::make_unique<SegmentedRolloutLog>(files, std::string(directory), max_segment_bytes);
  COHORT_RETURN_IF_ERROR(log->Recover(end));
  return log;
}

}  // namespace cohort::rollout_log
