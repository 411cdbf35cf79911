// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/index_rows.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/sha256.h"
#include "common/status_macros.h"

namespace cohort::coordinator {
namespace {

constexpr int64_t kScanBytes = 1 << 20;

// Adds rows in order to an index.
class RowFinder final {
 public:
  RowFinder(std::string path, int64_t max_rows)
      : path_(std::move(path)), max_rows_(max_rows > 0 ? max_rows : RowIndex::kMaxRows + 1) {}

  bool IsFull() const { return index_.NumRows() >= max_rows_; }
  int64_t end() const { return end_; }  // behind the newest row

  // Rows that end in `size` bytes read at `offset`. How many of the bytes belong to rows: with max_rows what follows
  // does not matter.
  absl::StatusOr<int64_t> AddRows(const char* bytes, int64_t size, int64_t offset) {
    for (int64_t at = 0; at < size;) {
      const void* const newline = std::memchr(bytes + at, '\n', size - at);
      if (newline == nullptr) break;
      at = static_cast<const char*>(newline) - bytes + 1;
      COHORT_RETURN_IF_ERROR(AddRow(offset + at));
      if (IsFull()) return at;
    }
    return size;
  }

  absl::Status AddRow(int64_t end) {
    const int64_t row = index_.NumRows();
    if (row == RowIndex::kMaxRows) return absl::InvalidArgumentError("more than 2^32 - 1 rows");
    const int64_t num_bytes = end - 1 - end_;
    if (num_bytes > RowIndex::kMaxRowBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(DescribeRow(path_, row), ": longer than 16 MiB (", num_bytes, " bytes)"));
    }
    index_.Add(end);
    end_ = end;
    return absl::OkStatus();
  }

  RowIndex Finish() {
    index_.Finish();
    return std::move(index_);
  }

 private:
  const std::string path_;
  const int64_t max_rows_;
  int64_t end_ = 0;
  RowIndex index_;
};

// SHA-256 of pieces, each hashed while the next one is read, on a thread of its own from the first piece on that is not
// the last; where the system has no thread, on the caller's.
class BackgroundDigest final {
 public:
  BackgroundDigest() = default;
  ~BackgroundDigest() {
    if (!thread_.joinable()) return;
    {
      absl::MutexLock lock(&mutex_);
      is_over_ = true;
    }
    thread_.join();
  }
  BackgroundDigest(const BackgroundDigest&) = delete;
  BackgroundDigest& operator=(const BackgroundDigest&) = delete;

  // The bytes must stay until the next call.
  void Add(const char* bytes, int64_t size, bool is_last) {
    if (!is_last && !was_tried_) Start();
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &BackgroundDigest::IsIdle));
    if (is_last || !thread_.joinable()) return digest_.Update(bytes, size);
    piece_ = std::string_view(bytes, size);
  }
  std::string Finish() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &BackgroundDigest::IsIdle));
    return digest_.Finish();
  }

 private:
  void Start() {
    was_tried_ = true;
    try {
      thread_ = std::thread([this] { Run(); });
    } catch (const std::system_error&) {
      // No thread is to be had: Add hashes.
    }
  }
  // The lock is held while it hashes: whoever wants it waits for that anyway.
  void Run() {
    absl::MutexLock lock(&mutex_);
    for (;;) {
      mutex_.Await(absl::Condition(this, &BackgroundDigest::HasWork));
      if (piece_.empty()) return;
      digest_.Update(piece_);
      piece_ = {};
    }
  }
  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return piece_.empty(); }
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !piece_.empty() || is_over_; }

  bool was_tried_ = false;  // to start the thread
  absl::Mutex mutex_;
  common::Sha256 digest_ ABSL_GUARDED_BY(mutex_);
  std::string_view piece_ ABSL_GUARDED_BY(mutex_);  // to be hashed; empty: none
  bool is_over_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: uses the rest
};

}  // namespace

absl::StatusOr<IndexedRows> IndexRows(const common::File& file, const std::string& path,
                                      const IndexRowsOptions& options) {
  COHORT_ASSIGN_OR_RETURN(const int64_t size, file.SizeBytes());
  RowFinder finder(path, options.max_rows);
  std::string buffers[2];
  BackgroundDigest digest;
  for (int64_t offset = 0, turn = 0; offset < size && !finder.IsFull(); ++turn) {
    if (options.is_stopped != nullptr && *options.is_stopped) return absl::CancelledError("the coordinator stops");
    std::string& buffer = buffers[turn % 2];
    buffer.resize(std::min(kScanBytes, size - offset));
    COHORT_ASSIGN_OR_RETURN(const int64_t got, file.Read(buffer.data(), buffer.size(), offset));
    if (got < static_cast<int64_t>(buffer.size())) return absl::DataLossError("the file became shorter");
    COHORT_ASSIGN_OR_RETURN(const int64_t used, finder.AddRows(buffer.data(), got, offset));
    offset += got;
    if (options.wants_digest) digest.Add(buffer.data(), used, /*is_last=*/offset == size || finder.IsFull());
  }
  if (finder.end() < size && !finder.IsFull()) COHORT_RETURN_IF_ERROR(finder.AddRow(size + 1));
  IndexedRows rows{.index = finder.Finish()};
  if (rows.index.NumRows() == 0) return absl::FailedPreconditionError("the file has no rows");
  if (options.wants_digest) rows.digest = digest.Finish();
  return rows;
}

std::string DescribeRow(const std::string& path, int64_t row) {
  return absl::StrCat(path, " row ", row, " (line ", row + 1, ")");
}

}  // namespace cohort::coordinator
