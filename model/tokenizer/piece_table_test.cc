// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/piece_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace cohort::model {
namespace {

// Bytes from a small set make pieces that share prefixes, lengths and, with NUL, packed keys.
TEST(PieceTableTest, FindsExactlyWhatWasInserted) {
  std::mt19937 random(1);
  const auto random_piece = [&] {
    std::string piece(1 + random() % 20, '\0');
    for (char& byte : piece) byte = "\0a\xFF"[random() % 3];
    return piece;
  };
  std::map<std::string, int32_t> pieces;
  for (int32_t id = 0; id < 20'000; ++id) pieces.emplace(random_piece(), id);
  PieceTable table(pieces.size());
  for (const auto& [piece, id] : pieces) table.Insert(piece, id);
  for (const auto& [piece, id] : pieces) EXPECT_EQ(table.Find(piece), id);
  for (int i = 0; i < 20'000; ++i) {
    const std::string piece = random_piece();
    const auto found = pieces.find(piece);
    EXPECT_EQ(table.Find(piece), found == pieces.end() ? -1 : found->second);
  }
}

TEST(PieceTableTest, NulBytesCount) {
  PieceTable table(3);
  table.Insert(std::string("a\0", 2), 1);
  EXPECT_EQ(table.Find("a"), -1);
  table.Insert("a", 2);
  EXPECT_EQ(table.Find("a"), 2);
  EXPECT_EQ(table.Find(std::string("a\0", 2)), 1);
  EXPECT_EQ(table.Find(std::string("a\0\0", 3)), -1);
}

TEST(PieceTableTest, EmptyTableFindsNothing) { EXPECT_EQ(PieceTable(0).Find("a"), -1); }

}  // namespace
}  // namespace cohort::model
