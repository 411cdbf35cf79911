// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/jsonl_row_reader.h"

#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/status_macros.h"
#include "coordinator/dataset/index_rows.h"
#include "coordinator/dataset/row_index.h"

namespace cohort::coordinator {
namespace {

class JsonlRowReader final : public RowReader {
 public:
  JsonlRowReader(std::string path, std::unique_ptr<common::File> file, int64_t size_bytes, IndexedRows rows)
      : path_(std::move(path)), file_(std::move(file)), size_bytes_(size_bytes), rows_(std::move(rows)) {}

  std::string Digest() const override { return rows_.digest; }

  int64_t NumRows() const override { return rows_.index.NumRows(); }

  absl::Status ReadInto(int64_t row, std::string* text) const override {
    if (row < 0 || row >= NumRows()) return absl::OutOfRangeError(absl::StrCat(path_, ": no row ", row));
    const auto [begin, end] = rows_.index.Row(row);
    // With its newline, which only the last row may lack.
    const bool has_newline = end < size_bytes_;
    text->resize(end - begin + (has_newline ? 1 : 0));
    COHORT_ASSIGN_OR_RETURN(const int64_t got, file_->Read(text->data(), static_cast<int64_t>(text->size()), begin));
    if (got < static_cast<int64_t>(text->size())) {
      return absl::DataLossError(absl::StrCat(Describe(row), ": the file became shorter"));
    }
    const bool ends_here = !has_newline || text->back() == '\n';
    if (has_newline) text->pop_back();
    if (!ends_here || std::memchr(text->data(), '\n', text->size()) != nullptr) {
      return absl::DataLossError(absl::StrCat(Describe(row), ": the file was changed while it was in use"));
    }
    return absl::OkStatus();
  }

  std::string Describe(int64_t row) const override { return DescribeRow(path_, row); }

 private:
  const std::string path_;
  const std::unique_ptr<common::File> file_;
  const int64_t size_bytes_;  // when it was opened
  const IndexedRows rows_;
};

// Nullopt when it cannot be told.
std::optional<common::FileVersion> VersionOf(const common::File& file, const JsonlOptions& options) {
  std::optional<common::FileVersion> version = file.Version();
  // The times of a file that is known by its name say when it was last used.
  if (version.has_value() && !options.digest.empty()) version->modified_unix_ns = version->changed_unix_ns = 0;
  return version;
}

absl::StatusOr<IndexedRows> FindRows(const common::File& file, const std::string& path, const JsonlOptions& options) {
  const auto version = VersionOf(file, options);
  const bool may_be_stored = options.indices != nullptr && version.has_value();
  RowIndexKey key{.path = path, .max_rows = options.max_rows};
  if (may_be_stored) {
    key.version = *version;
    auto stored = options.indices->Find(key);
    if (stored.has_value() && (options.digest.empty() || stored->digest == options.digest)) return *std::move(stored);
  }
  const absl::Time begin = may_be_stored ? options.indices->Now() : absl::InfinitePast();
  COHORT_ASSIGN_OR_RETURN(IndexedRows rows, IndexRows(file, path,
                                                      {.max_rows = options.max_rows,
                                                       .wants_digest = options.digest.empty(),
                                                       .is_stopped = options.is_stopped}));
  if (!options.digest.empty()) rows.digest = options.digest;
  // Of a file that changed while it was read nobody knows what was read.
  if (may_be_stored && VersionOf(file, options) == version) options.indices->Keep(key, rows, begin);
  return rows;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RowReader>> OpenJsonlRowReader(const std::string& path, const JsonlOptions& options) {
  COHORT_ASSIGN_OR_RETURN(auto file, options.files->Open(path, common::FileSystem::Mode::kRead));
  if (!options.files->IsFile(path)) return absl::InvalidArgumentError("not a regular file");
  COHORT_ASSIGN_OR_RETURN(const int64_t size_bytes, file->SizeBytes());
  COHORT_ASSIGN_OR_RETURN(IndexedRows rows, FindRows(*file, path, options));
  return std::make_unique<JsonlRowReader>(path, std::move(file), size_bytes, std::move(rows));
}

}  // namespace cohort::coordinator
