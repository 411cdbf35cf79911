// SPDX-License-Identifier: Apache-2.0
// What is read of a file, and when.
#include "coordinator/dataset/jsonl_row_reader.h"

#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/file_system.h"
#include "common/files.h"
#include "common/sha256.h"
#include "common/testing/simulated_clock.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/testing/watched_file_system.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::IsOkAndHolds;
using common::StatusIs;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kRows[] = "{\"a\": 1}\n{\"a\": 22}\n{\"a\": 3}";
constexpr int64_t kNumBytes = sizeof(kRows) - 1;

class JsonlRowReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Write(kRows);
    auto indices = RowIndexStore::Open(folder_.Join("index"), &clock_, &files_, {.min_file_bytes = 1});
    ASSERT_OK(indices);
    options_ = {.files = &files_, .indices = indices->get()};
    indices_ = *std::move(indices);
    files_.ChangeVersions(
        [this](common::FileVersion* version) { version->modified_unix_ns = version->changed_unix_ns = written_; });
  }
  // In place, as an editor that keeps the file does.
  void Write(const std::string& content) {
    auto file = common::RealFileSystem()->Open(path_, common::FileSystem::Mode::kCreate);
    ASSERT_OK(file);
    ASSERT_OK((*file)->Truncate(0));
    ASSERT_OK((*file)->Write(content, 0));
  }
  std::unique_ptr<RowReader> Open() {
    auto rows = OpenJsonlRowReader(path_, options_);
    EXPECT_OK(rows);
    return rows.ok() ? *std::move(rows) : nullptr;
  }
  // Of the file, by one opening.
  int64_t NumBytesReadToOpen() {
    const int64_t before = files_.NumBytesRead(path_);
    EXPECT_EQ(Open()->NumRows(), 3);
    return files_.NumBytesRead(path_) - before;
  }
  void ChangeVersions(const std::function<void(common::FileVersion*)>& change) {
    files_.ChangeVersions([this, change](common::FileVersion* version) {
      version->modified_unix_ns = version->changed_unix_ns = written_;
      change(version);
    });
  }

  common::TempDir folder_;
  const std::string path_ = folder_.Join("rows.jsonl");
  common::SimulatedClock clock_;
  int64_t written_ = absl::ToUnixNanos(clock_.Now() - absl::Minutes(1));
  common::WatchedFileSystem files_{common::RealFileSystem()};
  std::unique_ptr<RowIndexStore> indices_;
  JsonlOptions options_;
};

TEST_F(JsonlRowReaderTest, UnchangedFileIsOpenedWithoutReadingIt) {
  const auto first = Open();
  EXPECT_EQ(files_.NumBytesRead(path_), kNumBytes);
  const auto second = Open();
  EXPECT_EQ(files_.NumBytesRead(path_), kNumBytes);
  EXPECT_EQ(second->Digest(), common::Sha256Of(kRows));
  EXPECT_EQ(second->Digest(), first->Digest());
  ASSERT_EQ(second->NumRows(), 3);
  for (int64_t row = 0; row < 3; ++row) EXPECT_EQ(*second->Read(row), *first->Read(row));
  EXPECT_THAT(second->Read(1), IsOkAndHolds("{\"a\": 22}"));
  EXPECT_THAT(second->Read(2), IsOkAndHolds("{\"a\": 3}"));
}

TEST_F(JsonlRowReaderTest, OneReadGivesOneRow) {
  const auto rows = Open();
  const int64_t before = files_.NumBytesRead(path_);
  ASSERT_OK(rows->Read(1));
  EXPECT_EQ(files_.NumBytesRead(path_) - before, 10) << "with its newline";
}

TEST_F(JsonlRowReaderTest, FileOfAnotherVersionIsReadAgain) {
  const std::function<void(common::FileVersion*)> changes[] = {
      [](common::FileVersion* version) { ++version->device; },
      [](common::FileVersion* version) { ++version->inode; },
      [](common::FileVersion* version) { ++version->modified_unix_ns; },
      [](common::FileVersion* version) { ++version->changed_unix_ns; },
  };
  EXPECT_EQ(NumBytesReadToOpen(), kNumBytes);
  for (const auto& change : changes) {
    ChangeVersions(change);
    EXPECT_EQ(NumBytesReadToOpen(), kNumBytes) << &change - changes;
    EXPECT_EQ(NumBytesReadToOpen(), 0) << "once";
  }
}

TEST_F(JsonlRowReaderTest, GrownFileIsReadAgain) {
  const std::string digest = Open()->Digest();
  Write(absl::StrCat(kRows, "\n{}"));
  const auto rows = Open();
  EXPECT_EQ(rows->NumRows(), 4);
  EXPECT_NE(rows->Digest(), digest);
}

TEST_F(JsonlRowReaderTest, OtherNumberOfRowsHasAnIndexOfItsOwn) {
  Open();
  options_.max_rows = 2;
  EXPECT_EQ(Open()->NumRows(), 2);
  options_.max_rows = 0;
  EXPECT_EQ(NumBytesReadToOpen(), 0);
}

TEST_F(JsonlRowReaderTest, FileThatWasWrittenToJustNowIsReadAgain) {
  written_ = absl::ToUnixNanos(clock_.Now() - absl::Seconds(1));
  EXPECT_EQ(NumBytesReadToOpen(), kNumBytes);
  // What a write leaves that the clock of the file system does not tell from the one before.
  Write("{\"a\": 1}\n{\"a\": 22}\n{\"a\": 4}");
  EXPECT_EQ(Open()->Digest(), common::Sha256Of("{\"a\": 1}\n{\"a\": 22}\n{\"a\": 4}"));
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(NumBytesReadToOpen(), kNumBytes);
  EXPECT_EQ(NumBytesReadToOpen(), 0);
}

TEST_F(JsonlRowReaderTest, FileThatChangesWhileItIsReadIsReadAgain) {
  int64_t num_looks = 0;
  ChangeVersions([&num_looks](common::FileVersion* version) { version->changed_unix_ns += num_looks++; });
  EXPECT_EQ(NumBytesReadToOpen(), kNumBytes);
  ChangeVersions([](common::FileVersion*) {});
  EXPECT_EQ(NumBytesReadToOpen(), kNumBytes);
}

TEST_F(JsonlRowReaderTest, DamagedIndexIsMadeAnew) {
  Open();
  const std::string index = folder_.Join("index/" + RowIndexStore::NameOf(path_, 0));
  ASSERT_OK_AND_ASSIGN(std::string bytes, common::ReadFile(index));
  bytes[bytes.size() - 40] ^= 1;
  ASSERT_OK(common::WriteFileAtomically(index, bytes));
  EXPECT_EQ(NumBytesReadToOpen(), kNumBytes);
  EXPECT_EQ(NumBytesReadToOpen(), 0);
}

TEST_F(JsonlRowReaderTest, TwoOpenersAtOnceDoNotDisturbEachOther) {
  files_.Hold(path_);
  std::unique_ptr<RowReader> one, two;
  std::thread first([&] { one = Open(); });
  std::thread second([&] { two = Open(); });
  files_.WaitForReader();
  files_.Release(path_);
  first.join();
  second.join();
  EXPECT_EQ(one->Digest(), two->Digest());
  EXPECT_THAT(one->Read(2), IsOkAndHolds("{\"a\": 3}"));
  EXPECT_THAT(two->Read(2), IsOkAndHolds("{\"a\": 3}"));
  EXPECT_EQ(NumBytesReadToOpen(), 0);
  EXPECT_THAT(files_.List(folder_.Join("index")), IsOkAndHolds(SizeIs(1))) << "nothing partial is left";
}

TEST_F(JsonlRowReaderTest, TimesOfAFileThatIsKnownByItsNameDoNotMatter) {
  options_.digest = std::string(32, 'n');
  EXPECT_EQ(NumBytesReadToOpen(), kNumBytes);
  ChangeVersions([](common::FileVersion* version) { version->modified_unix_ns += 1'000'000'000; });
  EXPECT_EQ(NumBytesReadToOpen(), 0);
  EXPECT_EQ(Open()->Digest(), options_.digest);
  options_.digest = std::string(32, 'o');
  EXPECT_EQ(Open()->Digest(), options_.digest) << "not what an index says";
}

TEST_F(JsonlRowReaderTest, LinesThatMoveUnderAnOpenReaderAreAnError) {
  const auto rows = Open();
  Write("{\"a\": 111}\n{\"a\": 22}\n{\"a\": 3}");
  EXPECT_THAT(rows->Read(0), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("rows.jsonl row 0 (line 1): the file was "
                                                                             "changed")));
  Write("{\"\n\": 1}\n{\"a\": 22}\n{\"a\": 3}");
  EXPECT_THAT(rows->Read(0), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("changed")));
  Write("{}\n");
  EXPECT_THAT(rows->Read(1), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("became shorter")));
}

TEST_F(JsonlRowReaderTest, ReadingEndsWhenItIsStopped) {
  const std::atomic<bool> is_stopped = true;
  options_.is_stopped = &is_stopped;
  EXPECT_THAT(OpenJsonlRowReader(path_, options_), StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(JsonlRowReaderTest, RowsAndDigestOfAFileOfManyPiecesAreThoseOfTheWhole) {
  std::string content;
  for (int64_t row = 0; row < 60'000; ++row)
    absl::StrAppend(&content, "{\"n\": ", row, "}\n", std::string(60, ' '), "\n");
  ASSERT_GT(content.size(), 3u << 20);
  Write(content);
  const auto rows = Open();
  EXPECT_EQ(rows->Digest(), common::Sha256Of(content));
  ASSERT_EQ(rows->NumRows(), 120'000);
  for (int64_t row = 0; row < 60'000; row += 997) {
    EXPECT_THAT(rows->Read(2 * row), IsOkAndHolds(absl::StrCat("{\"n\": ", row, "}")));
  }
}

}  // namespace
}  // namespace cohort::coordinator
