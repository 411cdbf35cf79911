// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/row_index_file.h"

#include <string_view>
#include <utility>
#include <vector>

#include "common/sha256.h"
#include "common/status_macros.h"

namespace cohort::coordinator {
namespace {

// Another layout has another number.
constexpr std::string_view kMagic = "cohort-rows-0001";
constexpr int64_t kDigestBytes = 32;

void Append(int64_t number, std::string* bytes) {
  bytes->append(reinterpret_cast<const char*>(&number), sizeof(number));
}

// Equal for equal keys only.
std::string HeaderOf(const RowIndexKey& key) {
  std::string header(kMagic);
  Append(static_cast<int64_t>(key.path.size()), &header);
  header += key.path;
  const common::FileVersion& version = key.version;
  for (const int64_t number : {key.max_rows, version.device, version.inode, version.size_bytes,
                               version.modified_unix_ns, version.changed_unix_ns}) {
    Append(number, &header);
  }
  return header;
}

template <typename T>
std::string_view BytesOf(const std::vector<T>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(T)};
}

// Reads one piece after the other, and what all of them hash to.
class PieceReader final {
 public:
  explicit PieceReader(const common::File* file) : file_(file) {}

  bool Read(void* bytes, int64_t size) {
    if (!ReadPlain(bytes, size)) return false;
    digest_.Update(bytes, size);
    return true;
  }
  bool EndsWithDigest() {
    std::string stored(kDigestBytes, '\0');
    return ReadPlain(stored.data(), kDigestBytes) && stored == digest_.Finish();
  }

 private:
  bool ReadPlain(void* bytes, int64_t size) {
    const auto got = file_->Read(static_cast<char*>(bytes), size, offset_);
    offset_ += size;
    return got.ok() && *got == size;
  }

  const common::File* const file_;
  common::Sha256 digest_;
  int64_t offset_ = 0;
};

int64_t NumBlocks(int64_t num_rows) { return (num_rows + RowIndex::kBlockRows - 1) / RowIndex::kBlockRows; }

int64_t FileBytes(const std::string& header, int64_t num_rows) {
  return static_cast<int64_t>(header.size()) + 8 + kDigestBytes + NumBlocks(num_rows) * 8 + num_rows * 4 + kDigestBytes;
}

}  // namespace

absl::Status WriteRowIndex(const RowIndexKey& key, const IndexedRows& rows, common::File* file) {
  std::string head = HeaderOf(key);
  Append(rows.index.NumRows(), &head);
  head += rows.digest;
  const RowIndex::Parts& parts = rows.index.parts();
  common::Sha256 digest;
  int64_t offset = 0;
  for (const std::string_view piece : {std::string_view(head), BytesOf(parts.block_begins), BytesOf(parts.ends)}) {
    COHORT_RETURN_IF_ERROR(file->Write(piece, offset));
    digest.Update(piece);
    offset += static_cast<int64_t>(piece.size());
  }
  return file->Write(digest.Finish(), offset);
}

std::optional<IndexedRows> ReadRowIndex(const RowIndexKey& key, const common::File& file) {
  const std::string expected = HeaderOf(key);
  const auto size = file.SizeBytes();
  if (!size.ok()) return std::nullopt;
  PieceReader reader(&file);
  std::string header(expected.size(), '\0');
  int64_t num_rows = 0;
  if (!reader.Read(header.data(), static_cast<int64_t>(header.size())) || header != expected) return std::nullopt;
  if (!reader.Read(&num_rows, sizeof(num_rows))) return std::nullopt;
  // Before memory is taken for so many.
  if (num_rows <= 0 || num_rows > RowIndex::kMaxRows || FileBytes(header, num_rows) != *size) return std::nullopt;
  IndexedRows rows;
  rows.digest.resize(kDigestBytes);
  RowIndex::Parts parts;
  parts.block_begins.resize(NumBlocks(num_rows));
  parts.ends.resize(num_rows);
  const bool is_whole = reader.Read(rows.digest.data(), kDigestBytes) &&
                        reader.Read(parts.block_begins.data(), NumBlocks(num_rows) * 8) &&
                        reader.Read(parts.ends.data(), num_rows * 4) && reader.EndsWithDigest();
  if (!is_whole) return std::nullopt;
  auto index = RowIndex::FromParts(std::move(parts));
  if (!index.has_value()) return std::nullopt;
  rows.index = *std::move(index);
  return rows;
}

int64_t RowIndexFileBytes(const RowIndexKey& key, const IndexedRows& rows) {
  return FileBytes(HeaderOf(key), rows.index.NumRows());
}

}  // namespace cohort::coordinator
