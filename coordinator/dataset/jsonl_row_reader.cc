// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/jsonl_row_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/status_macros.h"

namespace cohort::coordinator {
namespace {

constexpr int64_t kScanBytes = 1 << 18;
constexpr int64_t kMaxRowBytes = 16 << 20;

class JsonlRowReader final : public RowReader {
 public:
  JsonlRowReader(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  ~JsonlRowReader() override { ::close(descriptor_); }

  absl::Status FindRows(int64_t max_rows) {
    struct stat status;
    if (::fstat(descriptor_, &status) != 0) return absl::ErrnoToStatus(errno, "cannot read the file");
    if (!S_ISREG(status.st_mode)) return absl::InvalidArgumentError("not a regular file");
    std::string buffer(kScanBytes, '\0');
    int64_t begin = 0;
    common::Sha256 digest;
    for (int64_t offset = 0; offset < status.st_size && !IsFull(max_rows);) {
      const ssize_t got = ::pread(descriptor_, buffer.data(), buffer.size(), offset);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return absl::ErrnoToStatus(errno, "cannot read the file");
      if (got == 0) break;
      const char* const end = buffer.data() + got;
      const char* last = end;
      for (const char* at = buffer.data(); at < end && !IsFull(max_rows);) {
        const char* newline = static_cast<const char*>(std::memchr(at, '\n', end - at));
        if (newline == nullptr) break;
        at = newline + 1;
        begins_.push_back(begin);
        begin = offset + (at - buffer.data());
        // Whole rows only: with max_rows what follows does not matter.
        if (IsFull(max_rows)) last = at;
      }
      digest.Update(buffer.data(), last - buffer.data());
      offset += got;
    }
    if (begin < status.st_size && !IsFull(max_rows)) {
      begins_.push_back(begin);
      begin = status.st_size + 1;  // as if the last line had its newline
    }
    if (begins_.empty()) return absl::FailedPreconditionError("the file has no rows");
    begins_.push_back(begin);
    digest_ = digest.Finish();
    return absl::OkStatus();
  }

  std::string Digest() const override { return digest_; }

  int64_t NumRows() const override { return static_cast<int64_t>(begins_.size()) - 1; }

  absl::StatusOr<std::string> Read(int64_t row) const override {
    if (row < 0 || row >= NumRows()) return absl::OutOfRangeError(absl::StrCat(path_, ": no row ", row));
    std::string text(begins_[row + 1] - begins_[row] - 1, '\0');
    if (static_cast<int64_t>(text.size()) > kMaxRowBytes) {
      return absl::InvalidArgumentError(absl::StrCat(Describe(row), ": longer than 16 MiB (", text.size(), " bytes)"));
    }
    for (size_t done = 0; done < text.size();) {
      const ssize_t got = ::pread(descriptor_, text.data() + done, text.size() - done, begins_[row] + done);
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
  bool IsFull(int64_t max_rows) const { return max_rows > 0 && static_cast<int64_t>(begins_.size()) >= max_rows; }

  const std::string path_;
  const int descriptor_;
  // Where each row begins, and at the end where the next one would.
  std::vector<int64_t> begins_;
  std::string digest_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RowReader>> OpenJsonlRowReader(const std::string& path, int64_t max_rows) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, "cannot open the file");
  auto reader = std::make_unique<JsonlRowReader>(path, descriptor);
  COHORT_RETURN_IF_ERROR(reader->FindRows(max_rows));
  return std::unique_ptr<RowReader>(std::move(reader));
}

}  // namespace cohort::coordinator
