// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/row_index_store.h"

#include <gmock/gmock.h>

#include <cerrno>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/testing/seeded_random.h"
#include "common/testing/simulated_clock.h"
#include "common/testing/simulated_disk.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::IsOkAndHolds;
using common::SimulatedFileSystem;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RowIndexStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() {
    files_ = std::make_unique<SimulatedFileSystem>(&disk_);
    auto store = RowIndexStore::Open("/index", &clock_, files_.get(), options_);
    ASSERT_OK(store);
    store_ = *std::move(store);
  }
  // A file of 1000 bytes that was last written to a minute ago.
  RowIndexKey KeyOf(const std::string& path) const {
    RowIndexKey key{.path = path};
    key.version.size_bytes = 1000;
    key.version.modified_unix_ns = key.version.changed_unix_ns = last_write_;
    return key;
  }
  void Keep(const RowIndexKey& key, int64_t num_rows = 10) {
    IndexedRows rows{.digest = std::string(32, 'd')};
    for (int64_t row = 1; row <= num_rows; ++row) rows.index.Add(row * 10);
    store_->Keep(key, rows, clock_.Now());
  }
  bool Has(const std::string& path) { return store_->Find(KeyOf(path)).has_value(); }

  common::SimulatedDisk disk_;
  common::SimulatedClock clock_;
  const int64_t last_write_ = absl::ToUnixNanos(clock_.Now() - absl::Minutes(1));
  RowIndexStore::Options options_ = {.min_file_bytes = 1000, .max_indices = 3, .max_bytes = 1000};
  std::unique_ptr<SimulatedFileSystem> files_;
  std::unique_ptr<RowIndexStore> store_;
};

TEST_F(RowIndexStoreTest, IndexOutlivesPowerLoss) {
  Keep(KeyOf("/a"));
  common::SeededRandom random(1);
  disk_.LosePower(&random);
  Reopen();
  const auto rows = store_->Find(KeyOf("/a"));
  ASSERT_TRUE(rows.has_value());
  EXPECT_EQ(rows->index.NumRows(), 10);
  EXPECT_EQ(rows->digest, std::string(32, 'd'));
}

TEST_F(RowIndexStoreTest, DeathAtAnyCallLeavesAWholeIndexOrNone) {
  for (int64_t call = 1; call <= 20; ++call) {
    for (const auto moment : {SimulatedFileSystem::Moment::kBefore, SimulatedFileSystem::Moment::kWithin,
                              SimulatedFileSystem::Moment::kAfter}) {
      const std::string path = absl::StrCat("/", call, "-", static_cast<int>(moment));
      files_->DieAt(files_->num_calls() + call, moment);
      Keep(KeyOf(path));
      files_->Kill();
      common::SeededRandom random(call);
      disk_.LosePower(&random);
      Reopen();
      const auto rows = store_->Find(KeyOf(path));
      if (rows.has_value()) {
        EXPECT_EQ(rows->index.NumRows(), 10);
      }
      EXPECT_THAT(*files_->List("/index"), SizeIs(testing::Le(3u))) << "nothing partial is left";
    }
  }
}

TEST_F(RowIndexStoreTest, NewerIndexOfAFileTakesThePlaceOfTheOld) {
  Keep(KeyOf("/a"));
  RowIndexKey changed = KeyOf("/a");
  ++changed.version.inode;
  EXPECT_FALSE(store_->Find(changed).has_value());
  Keep(changed, /*num_rows=*/11);
  EXPECT_EQ(store_->Find(changed)->index.NumRows(), 11);
  EXPECT_FALSE(Has("/a"));
  EXPECT_THAT(files_->List("/index"), IsOkAndHolds(SizeIs(1)));
}

TEST_F(RowIndexStoreTest, FileThatWasWrittenToJustNowIsNotKept) {
  for (const auto time : {&common::FileVersion::modified_unix_ns, &common::FileVersion::changed_unix_ns}) {
    RowIndexKey key = KeyOf("/a");
    key.version.*time = absl::ToUnixNanos(clock_.Now() - absl::Milliseconds(1990));
    Keep(key);
    EXPECT_FALSE(store_->Find(key).has_value());
    key.version.*time = absl::ToUnixNanos(clock_.Now() + absl::Hours(1));
    Keep(key);
    EXPECT_FALSE(store_->Find(key).has_value()) << "by another clock, or before this one was set back";
    key.version.*time = absl::ToUnixNanos(clock_.Now() - absl::Milliseconds(2010));
    Keep(key);
    EXPECT_TRUE(store_->Find(key).has_value());
  }
}

TEST_F(RowIndexStoreTest, SmallFileAndTooLargeIndexAreNotKept) {
  RowIndexKey small = KeyOf("/small");
  small.version.size_bytes = 999;
  Keep(small);
  Keep(KeyOf("/large"), /*num_rows=*/250);
  EXPECT_THAT(files_->List("/index"), IsOkAndHolds(IsEmpty()));
}

TEST_F(RowIndexStoreTest, LeastRecentlyUsedGoFirst) {
  for (const char* path : {"/a", "/b", "/c"}) Keep(KeyOf(path));
  EXPECT_TRUE(Has("/a"));
  Keep(KeyOf("/d"));
  EXPECT_FALSE(Has("/b"));
  EXPECT_TRUE(Has("/c"));
  EXPECT_TRUE(Has("/a"));
  Keep(KeyOf("/e"), /*num_rows=*/150);
  EXPECT_TRUE(Has("/e"));
  EXPECT_TRUE(Has("/a")) << "both are within the bytes";
  EXPECT_FALSE(Has("/c"));
  EXPECT_THAT(files_->List("/index"), IsOkAndHolds(SizeIs(2)));
}

TEST_F(RowIndexStoreTest, UnusedIndexIsRemovedAfterItsGrace) {
  Keep(KeyOf("/needed"));
  Keep(KeyOf("/unused"));
  Keep(KeyOf("/used"));
  const std::set<std::string> needed = {RowIndexStore::NameOf("/needed", 0)};
  clock_.Advance(absl::Hours(23));
  EXPECT_EQ(store_->RemoveUnused(needed, absl::Hours(24)), 0);
  EXPECT_TRUE(Has("/used"));
  clock_.Advance(absl::Hours(2));
  EXPECT_EQ(store_->RemoveUnused(needed, absl::Hours(24)), 1);
  EXPECT_FALSE(Has("/unused"));
  EXPECT_TRUE(Has("/used"));
  EXPECT_TRUE(Has("/needed"));
  EXPECT_THAT(files_->List("/index"), IsOkAndHolds(SizeIs(2)));
}

TEST_F(RowIndexStoreTest, FullDiskIsNoError) {
  disk_.SetCapacity(disk_.UsedBytes() + 100);
  Keep(KeyOf("/a"));
  EXPECT_FALSE(Has("/a"));
  EXPECT_THAT(files_->List("/index"), IsOkAndHolds(IsEmpty()));
  disk_.SetCapacity(1 << 20);
  Keep(KeyOf("/a"));
  EXPECT_TRUE(Has("/a"));
}

TEST_F(RowIndexStoreTest, ChangeThatIsNotDurableIsNoIndex) {
  files_->SetFault([](SimulatedFileSystem::Call call, std::string_view path) {
    return call == SimulatedFileSystem::Call::kSync ? absl::ErrnoToStatus(EIO, std::string(path)) : absl::OkStatus();
  });
  Keep(KeyOf("/a"));
  EXPECT_FALSE(Has("/a"));
}

}  // namespace
}  // namespace cohort::coordinator
