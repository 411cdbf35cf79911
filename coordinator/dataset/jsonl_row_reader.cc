// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/jsonl_row_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "coordinator/dataset/row_index.h"

namespace cohort::coordinator {
namespace {

constexpr int64_t kScanBytes = 1 << 18;

class JsonlRowReader final : public RowReader {
 public:
  JsonlRowReader(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  ~JsonlRowReader() override { ::close(descriptor_); }

  absl::Status FindRows(const JsonlOptions& options) {
    struct stat status;
    if (::fstat(descriptor_, &status) != 0) return absl::ErrnoToStatus(errno, "cannot read the file");
    if (!S_ISREG(status.st_mode)) return absl::InvalidArgumentError("not a regular file");
    max_rows_ = options.max_rows > 0 ? options.max_rows : RowIndex::kMaxRows + 1;
    std::string buffer(kScanBytes, '\0');
    common::Sha256 digest;
    for (int64_t offset = 0; offset < status.st_size && !IsFull();) {
      const ssize_t got = ::pread(descriptor_, buffer.data(), buffer.size(), offset);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return absl::ErrnoToStatus(errno, "cannot read the file");
      if (got == 0) break;
      COHORT_ASSIGN_OR_RETURN(const int64_t used, AddRows(buffer.data(), got, offset));
      if (options.digest.empty()) digest.Update(buffer.data(), used);
      offset += got;
    }
    if (end_ < status.st_size && !IsFull()) COHORT_RETURN_IF_ERROR(AddRow(status.st_size + 1));
    if (NumRows() == 0) return absl::FailedPreconditionError("the file has no rows");
    digest_ = options.digest.empty() ? digest.Finish() : options.digest;
    return absl::OkStatus();
  }

  std::string Digest() const override { return digest_; }

  int64_t NumRows() const override { return index_.NumRows(); }

  absl::StatusOr<std::string> Read(int64_t row) const override {
    if (row < 0 || row >= NumRows()) return absl::OutOfRangeError(absl::StrCat(path_, ": no row ", row));
    const auto [begin, end] = index_.Row(row);
    std::string text(end - begin, '\0');
    for (size_t done = 0; done < text.size();) {
      const ssize_t got = ::pread(descriptor_, text.data() + done, text.size() - done, begin + done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return absl::ErrnoToStatus(errno, Describe(row));
      if (got == 0) return absl::DataLossError(absl::StrCat(Describe(row), ": the file became shorter"));
      done += got;
    }
    return text;
  }

  std::string Describe(int64_t row) const override {
    return absl::StrCat(path_, " row ", row, " (line ", row + 1, ")");
  }

 private:
  bool IsFull() const { return NumRows() >= max_rows_; }

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
    const int64_t row = NumRows();
    if (row == RowIndex::kMaxRows) return absl::InvalidArgumentError("more than 2^32 - 1 rows");
    const int64_t num_bytes = end - 1 - end_;
    if (num_bytes > RowIndex::kMaxRowBytes) {
      return absl::InvalidArgumentError(absl::StrCat(Describe(row), ": longer than 16 MiB (", num_bytes, " bytes)"));
    }
    index_.Add(end);
    end_ = end;
    return absl::OkStatus();
  }

  const std::string path_;
  const int descriptor_;
  int64_t max_rows_ = 0;
  int64_t end_ = 0;  // behind the newest row
  RowIndex index_;
  std::string digest_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RowReader>> OpenJsonlRowReader(const std::string& path, const JsonlOptions& options) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, "cannot open the file");
  auto reader = std::make_unique<JsonlRowReader>(path, descriptor);
  COHORT_RETURN_IF_ERROR(reader->FindRows(options));
  return std::unique_ptr<RowReader>(std::move(reader));
}

}  // namespace cohort::coordinator
