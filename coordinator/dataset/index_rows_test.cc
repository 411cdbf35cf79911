// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/index_rows.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "common/file_system.h"
#include "common/sha256.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

// A file in memory of which the bytes from `lost_from` on cannot be read.
class TextFile final : public common::File {
 public:
  explicit TextFile(std::string text, int64_t lost_from = int64_t{1} << 40)
      : text_(std::move(text)), lost_from_(lost_from) {}

  absl::StatusOr<int64_t> Read(char* buffer, int64_t size_bytes, int64_t offset_bytes) const override {
    if (offset_bytes + size_bytes > lost_from_) return absl::UnavailableError("Input/output error");
    const int64_t size = std::min(size_bytes, static_cast<int64_t>(text_.size()) - offset_bytes);
    std::memcpy(buffer, text_.data() + offset_bytes, size);
    return size;
  }
  absl::StatusOr<int64_t> SizeBytes() const override { return static_cast<int64_t>(text_.size()); }
  absl::Status Write(std::string_view, int64_t) override { return absl::UnimplementedError("for reading"); }
  absl::Status Truncate(int64_t) override { return absl::UnimplementedError("for reading"); }
  absl::Status Sync() override { return absl::OkStatus(); }

 private:
  const std::string text_;
  const int64_t lost_from_;
};

// Rows of 1 to 1,000 bytes, of which no two pieces of the file are equal.
std::string Rows(size_t min_bytes) {
  std::string text;
  for (int row = 0; text.size() < min_bytes; ++row) {
    text += std::to_string(row) + std::string(row % 1000, 'x') + "\n";
  }
  return text;
}

TEST(IndexRowsTest, DigestIsOfAllBytesWhateverTheNumberOfPieces) {
  for (const size_t min_bytes : {size_t{1}, size_t{1} << 20, size_t{5} << 20}) {
    const std::string text = Rows(min_bytes);
    const auto rows = IndexRows(TextFile(text), "rows.jsonl", {});
    ASSERT_TRUE(rows.ok()) << rows.status();
    EXPECT_EQ(rows->index.NumRows(), std::count(text.begin(), text.end(), '\n'));
    EXPECT_EQ(rows->digest, common::Sha256Of(text)) << text.size();
  }
}

TEST(IndexRowsTest, DigestEndsWithTheLastRowThatIsWanted) {
  const std::string text = Rows(size_t{5} << 20);
  const size_t end = text.find('\n', size_t{3} << 20) + 1;
  const auto max_rows = std::count(text.begin(), text.begin() + static_cast<int64_t>(end), '\n');
  const auto rows = IndexRows(TextFile(text), "rows.jsonl", {.max_rows = max_rows});
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(rows->index.NumRows(), max_rows);
  EXPECT_EQ(rows->digest, common::Sha256Of(text.substr(0, end)));
}

TEST(IndexRowsTest, ErrorWhileAPieceIsHashedIsTheAnswer) {
  const auto rows = IndexRows(TextFile(Rows(size_t{5} << 20), /*lost_from=*/size_t{3} << 20), "rows.jsonl", {});
  EXPECT_EQ(rows.status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace cohort::coordinator
