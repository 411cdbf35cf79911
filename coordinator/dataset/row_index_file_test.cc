// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/row_index_file.h"

#include <functional>
#include <memory>
#include <string>

#include "common/testing/simulated_disk.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using Mode = common::FileSystem::Mode;

constexpr char kPath[] = "/folder/index";
constexpr int64_t kNumRows = 100;

class RowIndexFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int64_t row = 1; row <= kNumRows; ++row) rows_.index.Add(row * row);
    ASSERT_OK(files_.MakeFolders("/folder"));
    ASSERT_OK_AND_ASSIGN(file_, files_.Open(kPath, Mode::kReplace));
    ASSERT_OK(WriteRowIndex(key_, rows_, file_.get()));
  }
  bool IsFound(const RowIndexKey& key) const { return ReadRowIndex(key, *file_).has_value(); }

  common::SimulatedDisk disk_;
  common::SimulatedFileSystem files_{&disk_};
  const RowIndexKey key_ = {
      .path = "/data/rows.jsonl",
      .max_rows = 7,
      .version = {.device = 1, .inode = 2, .size_bytes = 3, .modified_unix_ns = 4, .changed_unix_ns = 5}};
  IndexedRows rows_ = {.digest = std::string(32, 'd')};
  std::unique_ptr<common::File> file_;
};

TEST_F(RowIndexFileTest, WhatWasWrittenIsRead) {
  const auto read = ReadRowIndex(key_, *file_);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->digest, rows_.digest);
  ASSERT_EQ(read->index.NumRows(), kNumRows);
  for (int64_t row = 0; row < kNumRows; ++row) EXPECT_EQ(read->index.Row(row), rows_.index.Row(row)) << row;
  EXPECT_EQ(*file_->SizeBytes(), RowIndexFileBytes(key_, rows_));
}

TEST_F(RowIndexFileTest, IndexOfAnotherFileOrVersionIsNotTaken) {
  const std::function<void(RowIndexKey*)> changes[] = {
      [](RowIndexKey* key) { key->path += "x"; },
      [](RowIndexKey* key) { key->path = "/data/rows.json"; },
      [](RowIndexKey* key) { ++key->max_rows; },
      [](RowIndexKey* key) { ++key->version.device; },
      [](RowIndexKey* key) { ++key->version.inode; },
      [](RowIndexKey* key) { ++key->version.size_bytes; },
      [](RowIndexKey* key) { ++key->version.modified_unix_ns; },
      [](RowIndexKey* key) { ++key->version.changed_unix_ns; },
  };
  EXPECT_TRUE(IsFound(key_));
  for (const auto& change : changes) {
    RowIndexKey other = key_;
    change(&other);
    EXPECT_FALSE(IsFound(other)) << &change - changes;
  }
}

TEST_F(RowIndexFileTest, ByteThatIsDamagedAnywhereMakesItWorthless) {
  const int64_t size = *file_->SizeBytes();
  for (int64_t at = 0; at < size; ++at) {
    char byte = 0;
    ASSERT_OK(file_->Read(&byte, 1, at));
    ASSERT_TRUE(disk_.Damage(kPath, at));
    EXPECT_FALSE(IsFound(key_)) << at;
    ASSERT_OK(file_->Write(std::string(1, byte), at));
  }
  EXPECT_TRUE(IsFound(key_));
}

TEST_F(RowIndexFileTest, FileThatEndsTooEarlyOrTooLateIsWorthless) {
  const int64_t size = *file_->SizeBytes();
  ASSERT_OK(file_->Write("x", size));
  EXPECT_FALSE(IsFound(key_));
  for (int64_t length = size - 1; length >= 0; --length) {
    ASSERT_OK(file_->Truncate(length));
    EXPECT_FALSE(IsFound(key_)) << length;
  }
}

}  // namespace
}  // namespace cohort::coordinator
