// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/row_index.h"

#include <gmock/gmock.h>

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::Pair;

TEST(RowIndexTest, RowsOfEveryLengthAreFound) {
  RowIndex index;
  int64_t end = 0;
  std::vector<std::pair<int64_t, int64_t>> rows;
  for (int64_t row = 0; row < 1000; ++row) {
    const int64_t begin = end;
    end += row % 7 + 1;
    index.Add(end);
    rows.emplace_back(begin, end - 1);
  }
  ASSERT_EQ(index.NumRows(), 1000);
  for (int64_t row = 0; row < 1000; ++row) EXPECT_EQ(index.Row(row), rows[row]) << row;
}

TEST(RowIndexTest, LongestRowsOfAFileFarAbove4GiBAreFound) {
  RowIndex index;
  constexpr int64_t kRow = RowIndex::kMaxRowBytes + 1;
  for (int64_t row = 1; row <= 1000; ++row) index.Add(row * kRow);
  EXPECT_THAT(index.Row(0), Pair(0, RowIndex::kMaxRowBytes));
  EXPECT_THAT(index.Row(63), Pair(63 * kRow, 64 * kRow - 1));
  EXPECT_THAT(index.Row(64), Pair(64 * kRow, 65 * kRow - 1));
  EXPECT_THAT(index.Row(999), Pair(999 * kRow, 1000 * kRow - 1));
}

TEST(RowIndexTest, RowCostsFourBytesAndAnEighth) {
  constexpr int64_t kRows = 1'000'000;
  RowIndex index;
  for (int64_t row = 1; row <= kRows; ++row) index.Add(row * 1000);
  index.Finish();
  EXPECT_LE(index.MemoryBytes(), kRows * 4 + (kRows / 64 + 1) * 8);
}

TEST(RowIndexTest, PartsThatDoNotFitTogetherAreNoIndex) {
  EXPECT_TRUE(RowIndex::FromParts({.block_begins = {0, 640}, .ends = std::vector<uint32_t>(65)}).has_value());
  EXPECT_FALSE(RowIndex::FromParts({.block_begins = {0}, .ends = std::vector<uint32_t>(65)}).has_value());
  EXPECT_FALSE(RowIndex::FromParts({.block_begins = {0, 640}, .ends = std::vector<uint32_t>(64)}).has_value());
}

}  // namespace
}  // namespace cohort::coordinator
